//! The local web app: map, stations, labs, runs, the digit room
