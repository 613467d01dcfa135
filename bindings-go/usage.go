package builderaikits

import (
	"encoding/json"
	"runtime"
	"time"

	"builderaikits.com/sdk/internal/native"
)

// ClientUsage is what a client and its copies have done since the client was created.
type ClientUsage struct {
	// Calls is the number of calls that were started, without those rejected as invalid.
	Calls int64
	// Attempts is the number of attempts of these calls.
	Attempts int64
	// Runs is the number of calls that returned a run.
	Runs int64
	// Failures is the number of calls that returned an error. Canceled calls are in neither number.
	Failures int64
	// RateLimited is the number of attempts that the service rejected with 429.
	RateLimited int64
	// InputTokens are the input tokens of the runs.
	InputTokens int64
	// OutputTokens are the output tokens of the runs.
	OutputTokens int64
	// TotalTokens are the input and output tokens of the runs.
	TotalTokens int64
	// RunsWithUnknownUsage is the number of runs without a total of tokens in their response. They are not in TotalTokens.
	RunsWithUnknownUsage int64
	// Cost is the cost of the runs with a total of tokens and a known price.
	Cost Cost
	// Pacing is how the client keeps to the rate limit at the moment.
	Pacing PacingStatus
}

// PacingStatus is how a client keeps to the rate limit at the moment.
type PacingStatus struct {
	// LimitOrigin is where the limit in force comes from: configured or learned. It is empty without a limit.
	LimitOrigin string
	// LimitRequests is the number of requests that the limit in force allows. 0: it does not limit requests.
	LimitRequests int64
	// LimitTokens is the number of tokens that the limit in force allows. 0: it does not limit tokens.
	LimitTokens int64
	// LimitPer is the length of time that both apply to. 0: there is no limit.
	LimitPer time.Duration
	// RequestsInWindow is the number of requests that count towards the limit now; without a limit, of those in the last two
	// minutes.
	RequestsInWindow int64
	// TokensInWindow is the number of tokens that count towards the limit now, with those reserved for attempts in flight. It
	// is 0 without a limit of tokens.
	TokensInWindow int64
	// InFlight is the number of attempts on the wire.
	InFlight int64
	// Waiting is the number of calls that wait for their turn.
	Waiting int64
	// ClosedFor is how long a Retry-After still holds back all calls. 0: it does not.
	ClosedFor time.Duration
}

// Usage returns what c and its copies have done since c was created, and the rate limit in force. Nothing is sent. A closed
// client has it too; for a client that was not created with [NewClient] it is empty.
func (c *Client) Usage() ClientUsage {
	if c == nil || c.handle == 0 {
		return ClientUsage{}
	}
	defer runtime.KeepAlive(c)
	var u struct {
		Calls                uint64     `json:"calls"`
		Attempts             uint64     `json:"attempts"`
		Runs                 uint64     `json:"runs"`
		Failures             uint64     `json:"failures"`
		RateLimited          uint64     `json:"rate_limited"`
		InputTokens          uint64     `json:"input_tokens"`
		OutputTokens         uint64     `json:"output_tokens"`
		TotalTokens          uint64     `json:"total_tokens"`
		RunsWithUnknownUsage uint64     `json:"runs_with_unknown_usage"`
		Cost                 costRecord `json:"cost"`
		Pacing               struct {
			LimitOrigin      string  `json:"limit_origin"`
			LimitRequests    uint64  `json:"limit_requests"`
			LimitTokens      uint64  `json:"limit_tokens"`
			LimitPer         float64 `json:"limit_per"`
			RequestsInWindow uint64  `json:"requests_in_window"`
			TokensInWindow   uint64  `json:"tokens_in_window"`
			InFlight         uint64  `json:"in_flight"`
			Waiting          uint64  `json:"waiting"`
			ClosedFor        float64 `json:"closed_for"`
		} `json:"pacing"`
	}
	if err := query(c.handle, "usage", nil, &u); err != nil {
		// Only a bug of the SDK can cause it.
		return ClientUsage{}
	}
	p := &u.Pacing
	return ClientUsage{
		Calls:                clamp(u.Calls),
		Attempts:             clamp(u.Attempts),
		Runs:                 clamp(u.Runs),
		Failures:             clamp(u.Failures),
		RateLimited:          clamp(u.RateLimited),
		InputTokens:          clamp(u.InputTokens),
		OutputTokens:         clamp(u.OutputTokens),
		TotalTokens:          clamp(u.TotalTokens),
		RunsWithUnknownUsage: clamp(u.RunsWithUnknownUsage),
		Cost:                 u.Cost.cost(),
		Pacing: PacingStatus{
			LimitOrigin:      p.LimitOrigin,
			LimitRequests:    clamp(p.LimitRequests),
			LimitTokens:      clamp(p.LimitTokens),
			LimitPer:         seconds(p.LimitPer),
			RequestsInWindow: clamp(p.RequestsInWindow),
			TokensInWindow:   clamp(p.TokensInWindow),
			InFlight:         clamp(p.InFlight),
			Waiting:          clamp(p.Waiting),
			ClosedFor:        seconds(p.ClosedFor),
		},
	}
}

// query reads what the core knows into a struct with the core's JSON names.
func query(client uint64, name string, request []byte, into any) error {
	payload, rejected, err := native.Query(client, name, request)
	switch {
	case err != nil:
		return errInternal(err)
	case rejected != nil:
		return newError(rejected)
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return errInternal(err)
	}
	return nil
}
