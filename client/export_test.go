package client

// Plaintext is onThisMachine, for the tests.
var Plaintext = onThisMachine
