package builderaikits

import (
	"fmt"
	"math"
	"strings"
)

// Cost is an amount of US dollars as a whole number of billionths, so that sums are exact.
type Cost int64

// NanoUSD returns the cost in billionths of a US dollar.
func (c Cost) NanoUSD() int64 { return int64(c) }

// String returns the cost in US dollars, exact and without a currency sign, such as 0.0001328.
func (c Cost) String() string {
	const nanoPerUSD = 1_000_000_000
	sign, nano := "", uint64(c)
	if c < 0 {
		sign, nano = "-", -nano
	}
	dollars, nano := nano/nanoPerUSD, nano%nanoPerUSD
	return sign + strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%09d", dollars, nano), "0"), ".")
}

// costRecord is a cost as the core writes it.
type costRecord struct {
	NanoUSD uint64 `json:"nano_usd"`
}

func (c costRecord) cost() Cost { return Cost(clamp(c.NanoUSD)) }

// clamp converts a number of the core. The core's maximum is greater than that of an int64.
func clamp(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
