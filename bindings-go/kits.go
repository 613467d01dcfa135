package builderaikits

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"builderaikits.com/sdk/internal/native"
)

// Kits runs prompts on kits. It is the field of a [Client].
type Kits struct {
	client *Client
}

// Kit is a kit of the service, by its id. Kits that this version does not know can be used by theirs.
type Kit string

const (
	// KitTextGen is for general text generation and chat, up to 4,096 tokens.
	KitTextGen Kit = "text-gen"
	// KitCodeAssist is for code completion and review, up to 8,192 tokens.
	KitCodeAssist Kit = "code-assist"
	// KitSummarizer is for document and article summarization, up to 16,384 tokens.
	KitSummarizer Kit = "summarizer"
	// KitClassifier is for text classification and sentiment, up to 2,048 tokens.
	KitClassifier Kit = "classifier"
)

// RunParams is what to run. At most 32 MiB on the wire.
type RunParams struct {
	// Kit to run. Required.
	Kit Kit
	// Input is what the kit reads.
	Input Input
	// Config is how it answers. Default: as the service sets it.
	Config *Config
	// Extra fields that this version does not know, sent beside those above.
	Extra map[string]any
}

// Input is what a kit reads. Printed, it shows sizes and never the prompt.
type Input struct {
	// Prompt to answer. It must be UTF-8.
	Prompt string
	// Context is what the prompt is about, such as the text to summarize. Empty: none.
	Context string
	// Extra fields that this version does not know. Numbers of more than 64 bits are rounded.
	Extra map[string]any
}

// Config is how a kit answers.
type Config struct {
	// MaxTokens of output, from 1 up to the kit's limit; see [Int]. Default: the kit's limit.
	MaxTokens *int
	// Temperature is how freely the kit chooses its words, any finite number; see [Float]. Default: the service's.
	Temperature *float64
	// Extra fields that this version does not know. Numbers of more than 64 bits are rounded.
	Extra map[string]any
}

// Int is a pointer to n, for fields that may be left out.
func Int(n int) *int { return &n }

// Float is a pointer to f, for fields that may be left out.
func Float(f float64) *float64 { return &f }

// String shows sizes, never the prompt or the context.
func (i Input) String() string {
	return fmt.Sprintf("{prompt: %d bytes, context: %d bytes, extra: %d}", len(i.Prompt), len(i.Context), len(i.Extra))
}

// GoString is as String.
func (i Input) GoString() string { return "builderaikits.Input" + i.String() }

// Run runs a prompt on a kit and waits for its answer.
//
// It repeats 429 and 408, connections that could not be made, and 5xx, which may be billed twice
// ([WithMaxRetries](0) stops that), within the client's retries, retry budget and timeout (by default 2, and 120 s over
// everything; a deadline of ctx counts like the timeout). When ctx ends it returns at once and the request is aborted,
// also while it waits in the queue or before a retry; what was sent may run all the same.
//
// The error is an [*Error]: errors.Is(err, [ErrRateLimit]) and the like tell its kind, and so does
// errors.Is(err, context.Canceled) or context.DeadlineExceeded where ctx ended.
func (k Kits) Run(ctx context.Context, params RunParams, options ...RunOption) (*Run, error) {
	if k.client == nil || k.client.handle == 0 {
		return nil, noClient()
	}
	if ctx == nil {
		return nil, refusal("ctx: is nil; context.Background() never ends", nil)
	}
	if ctx.Err() != nil {
		return nil, given(ctx)
	}
	started := time.Now()
	request := buffers.Get().(*[]byte)
	defer buffers.Put(request)
	e := encoder{(*request)[:0]}
	if err := e.params(&params); err != nil {
		return nil, err
	}
	*request = e.bytes
	s := settings{kind: ErrInvalidRequest}
	for _, option := range options {
		if option != nil {
			option.run(&s)
		}
	}
	if deadline, has := ctx.Deadline(); has {
		s.time("deadline_ms", max(time.Until(deadline), 1))
	}
	settings, err := s.done()
	if err != nil {
		return nil, err
	}
	var run *Run
	var failed *Error
	ended, err := native.Run(ctx, k.client.handle, e.bytes, settings, func(outcome *native.Outcome) {
		if outcome.Kind == "" {
			run = newRun(outcome)
		} else {
			failed = failure(outcome)
		}
	})
	runtime.KeepAlive(k.client)
	flushLogs()
	switch {
	case err == native.ErrNotBegun, err == nil && !ended:
		e := given(ctx)
		e.MayHaveRun, e.IdempotencyKey, e.Elapsed = err == nil, s.idempotencyKey, time.Since(started)
		return nil, e
	case err != nil:
		return nil, defect(err)
	case failed != nil:
		if deadline, has := ctx.Deadline(); has && failed.Kind == ErrTimeout && !time.Now().Before(deadline) {
			failed.cause = why(ctx, context.DeadlineExceeded)
		}
		return nil, failed
	}
	return run, nil
}

// given is the error of a call that its context gave up. How far a call that had begun came is not known, nor the key that the
// core made for it.
func given(ctx context.Context) *Error {
	e := &Error{Kind: ErrCancelled, Message: "the context was cancelled", cause: why(ctx, ctx.Err())}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Kind, e.Message = ErrTimeout, "the context's deadline passed"
	}
	return e
}

// why is the error of a context that has ended, and its cause where that says more.
func why(ctx context.Context, ended error) error {
	if cause := context.Cause(ctx); cause != nil && cause != ended {
		return errors.Join(ended, cause)
	}
	return ended
}
