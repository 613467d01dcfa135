//go:build race

package builderaikits_test

// The race detector supports up to 8,128 goroutines, including the server's.
const concurrentCalls, concurrentAttempts = 3000, 500
