//go:build !race

package builderaikits_test

const atOnce, onTheWire = 10_000, 1000
