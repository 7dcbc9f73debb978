def early_stopping(losses, patience, min_delta):
    best_loss, best, waited = float("inf"), 0, 0
    for epoch, loss in enumerate(losses):
        if loss < best_loss - min_delta:  # false for NaN, as it should be
            best_loss, best, waited = loss, epoch, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch
    return best, len(losses) - 1
