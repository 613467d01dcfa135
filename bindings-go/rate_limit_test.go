//go:build cgo

package builderaikits_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "builderaikits.com/sdk"
)

func TestRateLimitInForce(t *testing.T) {
	quota := sdk.Quota{Requests: 300, Per: 10 * time.Second}
	table := []struct {
		env      string
		options  []sdk.Option
		origin   string
		requests int64
		tokens   int64
		per      time.Duration
	}{
		{"", nil, "", 0, 0, 0},
		{"off", nil, "", 0, 0, 0},
		{"maker", nil, "configured", 30, 15_000, time.Minute},
		{"maker", []sdk.Option{sdk.WithRateLimit(sdk.RateLimitBuilder)}, "configured", 120, 100_000, time.Minute},
		{"maker", []sdk.Option{sdk.WithRateLimit(sdk.RateLimitAuto)}, "", 0, 0, 0},
		{"", []sdk.Option{sdk.WithRateLimit(quota.RateLimit())}, "configured", 300, 0, 10 * time.Second},
		{"", []sdk.Option{sdk.WithRateLimit(sdk.Quota{Tokens: 5}.RateLimit())}, "configured", 0, 5, time.Minute},
		{"", []sdk.Option{sdk.WithRateLimit("30,15000/1.5s")}, "configured", 30, 15_000, 1500 * time.Millisecond},
	}
	for _, row := range table {
		t.Setenv("BUILDERAIKITS_RATE_LIMIT", row.env)
		p := client(t, row.options...).Usage().Pacing
		if want := (sdk.PacingStatus{LimitOrigin: row.origin, LimitRequests: row.requests, LimitTokens: row.tokens, LimitPer: row.per}); p != want {
			t.Errorf("%s: got %+v, want %+v", row.env, p, want)
		}
	}
}

// More calls than the limit allows wait for their turn, and all of them run.
func TestCallsKeepToRateLimit(t *testing.T) {
	c := client(t, sdk.WithRateLimit("3/1s"))
	started, ended := time.Now(), make(chan error)
	for range 5 {
		go func() {
			_, err := c.Kits.Run(t.Context(), hello)
			ended <- err
		}()
	}
	for range 5 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(started); took < time.Second {
		t.Errorf("5 calls took %v, at 3 per second", took)
	}
	if u := c.Usage(); u.Runs != 5 || u.Attempts != 5 || u.RateLimited != 0 || u.Pacing.Waiting != 0 || u.Pacing.InFlight != 0 {
		t.Errorf("%+v", u)
	}
}

// The error of a call that was not sent has no status.
func TestRateLimitBeyondDeadline(t *testing.T) {
	withDeadline, cancel := context.WithTimeout(t.Context(), slack)
	defer cancel()
	table := []struct {
		ctx     context.Context
		options []sdk.RunOption
	}{
		{withDeadline, nil},
		{t.Context(), []sdk.RunOption{sdk.WithTimeout(slack), sdk.WithIdempotencyKey("key-1")}},
	}
	for _, row := range table {
		s := serve(t, respond(200, runJSON))
		c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithRateLimit(sdk.Quota{Requests: 1}.RateLimit()))
		run(t, c, hello)
		_, err := c.Kits.Run(row.ctx, hello, row.options...)
		var e *sdk.Error
		if !errors.Is(err, sdk.ErrRateLimit) || !errors.As(err, &e) || errors.Is(err, context.DeadlineExceeded) || row.ctx.Err() != nil {
			t.Fatalf("%#v", err)
		}
		if e.StatusCode != 0 || e.Attempts != 0 || e.MayHaveRun || !e.Retryable || e.RetryStoppedBy != "rate_limit" ||
			e.RetryAfter <= slack || e.RetryAfter > 2*time.Minute || e.IdempotencyKey == "" || e.Body != nil || e.Headers != nil || e.Unwrap() != nil {
			t.Errorf("%#v %+v", err, e.RetryAfter)
		}
		for _, name := range []string{"Not sent: ", "`WithTimeout`", "`WithRateLimit`"} {
			if !strings.Contains(e.Message, name) {
				t.Errorf("%s is missing in %s", name, e.Message)
			}
		}
		if text := err.Error(); text != "builderaikits: "+e.Message {
			t.Error(text)
		}
		encoded, err := json.Marshal(e)
		var decoded sdk.Error
		if err != nil || strings.Contains(string(encoded), `"status"`) || json.Unmarshal(encoded, &decoded) != nil || decoded.RetryAfter != e.RetryAfter {
			t.Errorf("%s: %v", encoded, err)
		}
		if sent := len(s.received); sent != 1 {
			t.Errorf("%d requests were sent", sent)
		}
	}
}

// How long a call waits for tokens of calls in flight is not known. If the deadline of its context passes, the error is of
// both kinds.
func TestDeadlinePassesWhileRateLimited(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithRateLimit(sdk.Quota{Tokens: 5000}.RateLimit()))
	first, cancelFirst := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.Kits.Run(first, hello)
		ended <- err
	}()
	<-s.received
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Kits.Run(deadlineOfCore{ctx}, hello)
	if !errors.Is(err, sdk.ErrRateLimit) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%#v", err)
	}
	cancelFirst()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// deadlineOfCore has a deadline that only the core observes.
type deadlineOfCore struct{ context.Context }

func (deadlineOfCore) Done() <-chan struct{} { return nil }

// The budget is for 35 retries without a success.
func TestRetryBudgetLimitsRetries(t *testing.T) {
	const calls = 40
	s := serve(t, respond(503, "{}", "Retry-After-Ms", "1"))
	for _, row := range []struct {
		options []sdk.Option
		retries int64
	}{
		{nil, 35},
		{[]sdk.Option{sdk.WithRetryBudget(true)}, 35},
		{[]sdk.Option{sdk.WithRetryBudget(false)}, calls},
	} {
		c := client(t, append(row.options, sdk.WithBaseURL(s.URL()), sdk.WithMaxRetries(1))...)
		ended := make(chan error)
		for range calls {
			go func() {
				_, err := c.Kits.Run(t.Context(), hello)
				ended <- err
			}()
		}
		stoppedBy := map[string]int64{}
		for range calls {
			var e *sdk.Error
			if err := <-ended; errors.As(err, &e) {
				stoppedBy[e.RetryStoppedBy]++
			}
		}
		if u := c.Usage(); u.Failures != calls || u.Attempts != calls+row.retries ||
			stoppedBy["max_retries"] != row.retries || stoppedBy["retry_budget"] != calls-row.retries {
			t.Errorf("%+v, %v", u, stoppedBy)
		}
	}
}

func TestUsageOfClient(t *testing.T) {
	bodies := make(chan http.HandlerFunc, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { (<-bodies)(w, r) })
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithMaxRetries(0))
	if u := c.Usage(); u != (sdk.ClientUsage{}) {
		t.Errorf("%+v", u)
	}
	copied, err := c.WithOptions(sdk.WithAPIKey("bak_2"))
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.ClientUsage{}
	for i, row := range []struct {
		handler http.HandlerFunc
		change  func()
	}{
		{respond(200, `{"output":{"text":"a"},"usage":{"input_tokens":100,"output_tokens":232,"total_tokens":332}}`), func() {
			want.Runs, want.InputTokens, want.OutputTokens, want.TotalTokens, want.Cost = 1, 100, 232, 332, 132_800
		}},
		{respond(200, runJSON), func() { want.Runs, want.TotalTokens, want.Cost = 2, 334, 133_600 }},
		{respond(200, `{"output":{"text":"a"}}`), func() { want.Runs, want.RunsWithUnknownUsage = 3, 1 }},
		{respond(400, `{}`), func() { want.Failures = 1 }},
		{respond(200, `{"output":{"text":"a"},"usage":{"total_tokens":18446744073709551615}}`), func() {
			want.Runs, want.TotalTokens, want.Cost = 4, 1<<63-1, 1<<63-1
		}},
		{respond(429, `{}`, "Retry-After", "60"), func() { want.Failures, want.RateLimited = 2, 1 }},
	} {
		bodies <- row.handler
		_, _ = []*sdk.Client{c, copied}[i%2].Kits.Run(t.Context(), hello)
		row.change()
		want.Calls, want.Attempts = int64(i+1), int64(i+1)
		for _, c := range []*sdk.Client{c, copied} {
			u := c.Usage()
			// The last row closes the gate.
			if closed := u.Pacing.ClosedFor; closed < 0 || closed > 2*time.Minute || (closed == 0) != (want.RateLimited == 0) {
				t.Errorf("row %d: closed for %v", i, closed)
			}
			u.Pacing = sdk.PacingStatus{}
			if u != want {
				t.Errorf("row %d: got %+v, want %+v", i, u, want)
			}
		}
	}
	c.Close()
	if u := c.Usage(); u.Calls != want.Calls {
		t.Errorf("%+v", u)
	}
	for _, c := range []*sdk.Client{nil, {}} {
		if u := c.Usage(); u != (sdk.ClientUsage{}) {
			t.Errorf("%+v", u)
		}
	}
}

// The sandbox counts tokens itself.
func TestUsageIsTheSumOfRuns(t *testing.T) {
	c := client(t)
	var want sdk.ClientUsage
	for range 3 {
		r := run(t, c, hello)
		want.InputTokens += r.Usage.InputTokens
		want.OutputTokens += r.Usage.OutputTokens
		want.TotalTokens += r.Usage.TotalTokens
		want.Cost += *r.Cost
	}
	want.Calls, want.Attempts, want.Runs = 3, 3, 3
	u := c.Usage()
	u.Pacing = sdk.PacingStatus{}
	if u != want || want.Cost.NanoUSD() != want.TotalTokens*400 {
		t.Errorf("got %+v, want %+v", u, want)
	}
}
