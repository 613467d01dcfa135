package builderaikits

import (
	"math"
	"testing"
	"time"
)

// The core reads the options as JSON, and validates their values.
func TestOptionsAsJSON(t *testing.T) {
	quota := func(requests, tokens int, per time.Duration) Option {
		return WithRateLimit(Quota{Requests: requests, Tokens: tokens, Per: per}.RateLimit())
	}
	table := []struct {
		option Option
		json   string
	}{
		{WithRateLimit(RateLimitAuto), `{"rate_limit":"auto"}`},
		{WithRateLimit(RateLimitOff), `{"rate_limit":"off"}`},
		{WithRateLimit(RateLimitMaker), `{"rate_limit":"maker"}`},
		{WithRateLimit(RateLimitBuilder), `{"rate_limit":"builder"}`},
		{WithRateLimit("30,15000/60s"), `{"rate_limit":"30,15000/60s"}`},
		{quota(30, 15_000, time.Minute), `{"rate_limit":"30,15000/60s"}`},
		{quota(30, 0, 0), `{"rate_limit":"30,"}`},
		{quota(0, 15_000, 1500*time.Millisecond), `{"rate_limit":",15000/1.5s"}`},
		{quota(math.MaxInt64, -1, -time.Nanosecond), `{"rate_limit":"9223372036854775807,-1/-0.000000001s"}`},
		{quota(0, 0, 24*time.Hour), `{"rate_limit":",/86400s"}`},
		{WithRetryBudget(false), `{"retry_budget":false}`},
		{WithRetryBudget(true), `{"retry_budget":true}`},
		{WithPrices(nil), `{"prices":{}}`},
		{WithPrices(map[Kit]string{KitTextGen: "0.0000004", "new-kit": "1"}), `{"prices":{"new-kit":"1","text-gen":"0.0000004"}}`},
	}
	for _, row := range table {
		w := newOptionWriter(ErrConfig)
		row.option.applyToClient(w)
		if encoded, err := w.encode(); err != nil || string(encoded) != row.json {
			t.Errorf("got %s, want %s: %v", encoded, row.json, err)
		}
	}
}

func TestCostText(t *testing.T) {
	table := map[Cost]string{
		0:              "0",
		1:              "0.000000001",
		132_800:        "0.0001328",
		400_000:        "0.0004",
		1_000_000_000:  "1",
		10_500_000_000: "10.5",
		-1:             "-0.000000001",
		math.MaxInt64:  "9223372036.854775807",
		math.MinInt64:  "-9223372036.854775808",
	}
	for cost, text := range table {
		if got := cost.String(); got != text || cost.NanoUSD() != int64(cost) {
			t.Errorf("got %s, want %s", got, text)
		}
	}
}
