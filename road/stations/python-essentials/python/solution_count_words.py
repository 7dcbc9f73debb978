import string


def count_words(text):
    counts = {}
    for piece in text.lower().split():
        word = piece.strip(string.punctuation)
        if word:  # of a lone dash nothing is left
            counts[word] = counts.get(word, 0) + 1
    return counts
