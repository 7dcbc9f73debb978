//! Neural-network modules, losses, initialisers, optimisers and schedules
