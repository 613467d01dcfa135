// Package native is the way to the core: what a client of Go asks goes in as JSON, and comes back as an [Outcome].
//
// It and the libraries that it links are the only packages that use cgo. Nothing is decided here.
package native

import (
	"errors"
	"time"
)

// Outcome is a run or an error, as the core normalised it. What is absent is empty.
type Outcome struct {
	// Kind of the error; empty: a run.
	Kind           string
	Attempts       int
	Elapsed        time.Duration
	RequestID      string
	IdempotencyKey string
	Headers        map[string][]string

	ID, Kit, Status, Text                           string
	InputTokens, OutputTokens, TotalTokens, Latency Count
	// Objects of JSON.
	Extra, OutputExtra, UsageExtra string

	Message     string
	HTTPStatus  int
	Code        string
	Body        []byte
	RetryAfter  time.Duration
	MayHaveRun  bool
	IsRetryable bool
}

// Count is a number that the service may have left out.
type Count struct {
	Number uint64
	Given  bool
}

// Log is a line of the core's log.
type Log struct {
	Debug   bool
	Message string
}

// ErrUnavailable is why there is no core in this program, where there is none.
type ErrUnavailable string

func (e ErrUnavailable) Error() string { return string(e) }

// ErrNotBegun is of a call whose context ended before the core was asked.
var ErrNotBegun = errors.New("the context ended before the call was begun")

// errDefect is what the core gives where Go used it wrongly, which is a defect of ours.
var errDefect = errors.New("a defect of the SDK; please report it")
