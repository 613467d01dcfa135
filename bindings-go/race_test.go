//go:build race

package builderaikits_test

// The race detector supports at most 8,128 goroutines, including those of the server.
const totalCalls, maxInFlight = 3000, 500
