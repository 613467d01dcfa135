package builderaikits

import (
	"strconv"
	"time"
)

// RateLimit is how a client keeps to the rate limits of the service, for [WithRateLimit].
//
// It is one of the constants, [Quota.RateLimit], or text: "30,15000" is requests and tokens per minute, either may be missing
// ("30" or ",15000"), and "30,15000/6s" counts per 6 seconds.
type RateLimit string

const (
	// RateLimitAuto sends without pacing until the service responds with 429 and Retry-After. Then the client learns the limit
	// from what the service accepted, and keeps to it.
	RateLimitAuto RateLimit = "auto"
	// RateLimitOff sends without pacing and learns nothing. A 429 with Retry-After still holds back all calls until that time.
	RateLimitOff RateLimit = "off"
	// RateLimitMaker is the limit of the Maker plan, from the first call on.
	RateLimitMaker RateLimit = "maker"
	// RateLimitBuilder is the limit of the Builder plan, from the first call on.
	RateLimitBuilder RateLimit = "builder"
)

// Quota is how many requests and tokens may be sent in a length of time. A plan without a constant of its own has one.
type Quota struct {
	// Requests is the number of requests. 0: no limit.
	Requests int
	// Tokens is the number of input and output tokens. 0: no limit.
	Tokens int
	// Per is the length of time. 0: a minute.
	Per time.Duration
}

// RateLimit returns the quota as an argument of [WithRateLimit].
func (q Quota) RateLimit() RateLimit {
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	text := number(q.Requests) + "," + number(q.Tokens)
	if q.Per != 0 {
		text += "/" + strconv.FormatFloat(q.Per.Seconds(), 'f', -1, 64) + "s"
	}
	return RateLimit(text)
}
