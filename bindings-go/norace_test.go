//go:build !race

package builderaikits_test

const totalCalls, maxInFlight = 10_000, 1000
