package builderaikits

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"builderaikits.com/sdk/internal/native"
)

// Run is a finished run, in the wire's fields.
//
// Only Output.Text is certain: what the service left out is empty or 0, and what stood there instead of it, if it was
// something odd, is in Extra, as are fields that this version does not know. JSON gives and takes the wire's form.
// Runs can be made by hand, for tests of the code that uses them.
type Run struct {
	// ID is the run's own name, such as run_8f3k2m.
	ID string
	// Kit that ran.
	Kit Kit
	// Status is how it ended, such as completed. An open set.
	Status string
	// Output is what the kit answered.
	Output Output
	// Usage is what it is billed by.
	Usage Usage
	// LatencyMS is how long the service worked, in milliseconds.
	LatencyMS int64
	// Extra fields that this version does not know, equal as JSON to what the service sent, but that
	// numbers of more than 64 bits are rounded.
	Extra map[string]json.RawMessage
	// ResponseMetadata is how the answer came to be; not of the wire, and not in JSON.
	ResponseMetadata ResponseMetadata

	zeros zeros
}

// Output is what a kit answered.
type Output struct {
	// Text of the answer.
	Text string
	// Extra fields that this version does not know.
	Extra map[string]json.RawMessage
}

// Usage is the tokens that a run is billed by. 0 also where the service did not say; [Run.RawJSON] tells them apart.
type Usage struct {
	// InputTokens of prompt and context.
	InputTokens int64
	// OutputTokens of the answer.
	OutputTokens int64
	// TotalTokens are both together.
	TotalTokens int64
	// Extra fields that this version does not know.
	Extra map[string]json.RawMessage

	zeros zeros
}

// ResponseMetadata is how an answer came to be.
type ResponseMetadata struct {
	// Attempts that it took, the one that gave the answer included.
	Attempts int
	// RequestID is the service's name for the request, to give to support.
	RequestID string
	// IdempotencyKey of all attempts.
	IdempotencyKey string
	// Elapsed is from the start of the call to its end: queue, attempts and waits.
	Elapsed time.Duration
	// Headers of the answer.
	Headers Headers
}

// Headers of an answer, their names as in Content-Type. http.Header(headers) is the same map.
type Headers map[string][]string

// Get is the first value of a header, whatever the case of name; empty where there is none.
func (h Headers) Get(name string) string {
	if values := h[native.Canonical(name)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// RawJSON is the run on the wire, as JSON: what was absent is absent, and fields that this version does not know are
// there.
func (r *Run) RawJSON() string {
	made, err := r.MarshalJSON()
	if err != nil {
		return ""
	}
	return string(made)
}

// MarshalJSON gives the wire's form.
func (r Run) MarshalJSON() ([]byte, error) {
	e := encoder{append(make([]byte, 0, 256+len(r.Output.Text)), '{')}
	e.field("id", r.ID)
	e.field("kit", string(r.Kit))
	e.field("status", r.Status)
	e.comma()
	e.raw(`"output":{"text":`)
	e.quote(toUTF8(r.Output.Text))
	e.rest(r.Output.Extra)
	e.raw(`},"usage":{`)
	u := &r.Usage
	e.count("input_tokens", u.InputTokens, u.zeros&zeroInput != 0)
	e.count("output_tokens", u.OutputTokens, u.zeros&zeroOutput != 0)
	e.count("total_tokens", u.TotalTokens, u.zeros&zeroTotal != 0)
	e.rest(u.Extra)
	e.raw("}")
	e.count("latency_ms", r.LatencyMS, r.zeros&zeroLatency != 0)
	// A usage that is no object is kept, but usage is already written.
	e.rest(r.Extra, "usage")
	e.raw("}")
	return e.bytes, nil
}

// UnmarshalJSON takes the wire's form, as MarshalJSON gives it.
func (r *Run) UnmarshalJSON(text []byte) error {
	var run, output, usage map[string]json.RawMessage
	if err := json.Unmarshal(text, &run); err != nil {
		return err
	}
	*r = Run{}
	read(run, "id", &r.ID)
	read(run, "kit", &r.Kit)
	read(run, "status", &r.Status)
	if read(run, "latency_ms", &r.LatencyMS) && r.LatencyMS == 0 {
		r.zeros = zeroLatency
	}
	if !read(run, "output", &output) || !read(output, "text", &r.Output.Text) {
		return &Error{Kind: ErrBadResponse, Message: "has no string output.text"}
	}
	read(run, "usage", &usage)
	for _, count := range []struct {
		name string
		into *int64
		zero zeros
	}{
		{"input_tokens", &r.Usage.InputTokens, zeroInput},
		{"output_tokens", &r.Usage.OutputTokens, zeroOutput},
		{"total_tokens", &r.Usage.TotalTokens, zeroTotal},
	} {
		if read(usage, count.name, count.into) && *count.into == 0 {
			r.Usage.zeros |= count.zero
		}
	}
	r.Extra, r.Output.Extra, r.Usage.Extra = left(run), left(output), left(usage)
	return nil
}

// read takes a field out of an object; one of another type stays there.
func read[T any](object map[string]json.RawMessage, name string, into *T) bool {
	value, there := object[name]
	if !there || string(value) == "null" {
		delete(object, name)
		return false
	}
	var read T
	if json.Unmarshal(value, &read) != nil {
		return false
	}
	delete(object, name)
	*into = read
	return true
}

func left(object map[string]json.RawMessage) map[string]json.RawMessage {
	if len(object) == 0 {
		return nil
	}
	return object
}

func newRun(o *native.Outcome) *Run {
	run := &Run{
		ID:     o.ID,
		Kit:    Kit(o.Kit),
		Status: o.Status,
		Output: Output{Text: o.Text, Extra: object(o.OutputExtra)},
		Usage:  Usage{Extra: object(o.UsageExtra)},
		Extra:  object(o.Extra),
		ResponseMetadata: ResponseMetadata{
			Attempts:       o.Attempts,
			RequestID:      o.RequestID,
			IdempotencyKey: o.IdempotencyKey,
			Elapsed:        o.Elapsed,
			Headers:        o.Headers,
		},
	}
	u := &run.Usage
	u.InputTokens = counted(o.InputTokens, &u.zeros, zeroInput, "input_tokens", &u.Extra)
	u.OutputTokens = counted(o.OutputTokens, &u.zeros, zeroOutput, "output_tokens", &u.Extra)
	u.TotalTokens = counted(o.TotalTokens, &u.zeros, zeroTotal, "total_tokens", &u.Extra)
	run.LatencyMS = counted(o.Latency, &run.zeros, zeroLatency, "latency_ms", &run.Extra)
	return run
}

// zeros are the counts of which the service said 0, rather than nothing.
type zeros uint8

const (
	zeroInput zeros = 1 << iota
	zeroOutput
	zeroTotal
	zeroLatency
)

// counted is a count as Go has it. One too large for that stays in extra, as others that are odd do.
func counted(count native.Count, all *zeros, bit zeros, name string, extra *map[string]json.RawMessage) int64 {
	if count.Number > math.MaxInt64 {
		if *extra == nil {
			*extra = make(map[string]json.RawMessage)
		}
		(*extra)[name] = json.RawMessage(strconv.FormatUint(count.Number, 10))
		return 0
	}
	if count.Given && count.Number == 0 {
		*all |= bit
	}
	return int64(count.Number)
}

// object reads an object that the core wrote.
func object(text string) map[string]json.RawMessage {
	if text == "" {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil
	}
	return fields
}
