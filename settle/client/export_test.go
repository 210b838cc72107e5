package client

// DecodeProblem lets the fuzz test reach what no call hands out.
var DecodeProblem = decodeProblem
