//go:build race

package builderaikits_test

// The race detector takes no more than 8,128 goroutines, the server's among them.
const atOnce, onTheWire = 3000, 500
