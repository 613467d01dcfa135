//go:build !race

package builderaikits_test

const concurrentCalls, concurrentAttempts = 10_000, 1000
