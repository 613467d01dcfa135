package builderaikits

import (
	"context"
	"errors"
	"runtime"
	"time"

	"builderaikits.com/sdk/internal/native"
)

// Kits runs prompts on kits. It is a field of [Client].
type Kits struct {
	client *Client
}

// Run runs a prompt on a kit and waits for the response.
//
// It waits for its turn if the rate limit of the client has no room; see [WithRateLimit]. It retries 429, 408, 5xx and failed
// connections, within the limits of the client: by default 2 retries, a retry budget, and 120 s in total. The deadline of ctx
// is a timeout too; the shorter one applies. A retried 5xx may be billed twice; [WithMaxRetries](0) disables retries.
//
// If ctx ends, Run returns at once and the request is aborted, even while it is queued or waits before a retry. A request
// that was sent may run nevertheless.
//
// The error is an [*Error]. Use errors.Is with [ErrRateLimit] and the other kinds, or with context.Canceled and
// context.DeadlineExceeded if ctx ended.
func (k Kits) Run(ctx context.Context, params RunParams, options ...RunOption) (*Run, error) {
	if k.client == nil || k.client.handle == 0 {
		return nil, errNoClient()
	}
	if ctx == nil {
		return nil, errInvalidField("ctx", "is nil. Use context.Background() for a call without a limit.")
	}
	if ctx.Err() != nil {
		return nil, errContext(ctx)
	}
	started := time.Now()
	request, err := params.encode()
	if err != nil {
		return nil, err
	}
	w := newOptionWriter(ErrInvalidRequest)
	for _, option := range options {
		if option != nil {
			option.applyToRun(w)
		}
	}
	deadline, hasDeadline := ctx.Deadline()
	if hasDeadline {
		w.duration("deadline_ms", max(time.Until(deadline), 1))
	}
	encoded, err := w.encode()
	if err != nil {
		return nil, err
	}
	var run *Run
	var failed *Error
	completed, err := native.Run(ctx, k.client.handle, "kits.run", request, encoded, func(result *native.Result) {
		if result.ErrorJSON == nil {
			run = newRun(result)
		} else {
			failed = newError(result)
		}
	})
	runtime.KeepAlive(k.client)
	flushLogs()
	switch {
	case err == native.ErrNotStarted, err == nil && !completed:
		e := errContext(ctx)
		e.MayHaveRun, e.IdempotencyKey, e.Elapsed = err == nil, w.idempotencyKey, time.Since(started)
		return nil, e
	case err != nil:
		return nil, errInternal(err)
	case failed != nil:
		// The rate limit can hold a call back until its deadline has passed.
		ranOut := failed.Kind == ErrTimeout || failed.RetryStoppedBy == "rate_limit"
		if hasDeadline && ranOut && !time.Now().Before(deadline) {
			failed.cause = withCause(ctx, context.DeadlineExceeded)
		}
		return nil, failed
	}
	return run, nil
}

// errContext returns the error of a call whose context has ended.
func errContext(ctx context.Context) *Error {
	e := &Error{Kind: ErrCanceled, Message: "The context was canceled.", cause: withCause(ctx, ctx.Err())}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Kind, e.Message = ErrTimeout, "The deadline of the context passed."
	}
	return e
}

// withCause joins the error of a context with its cause, if that is another one.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && cause != err {
		return errors.Join(err, cause)
	}
	return err
}
