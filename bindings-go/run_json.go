package builderaikits

import (
	"encoding/json"
	"math"
	"strconv"

	"builderaikits.com/sdk/internal/native"
)

// RawJSON returns the run as the service sent it, as JSON: fields that were absent are absent, and fields that this version
// does not know are present. It is empty if Extra has invalid JSON.
func (r *Run) RawJSON() string {
	encoded, err := r.MarshalJSON()
	if err != nil {
		return ""
	}
	return string(encoded)
}

// MarshalJSON returns the form of the API.
func (r Run) MarshalJSON() ([]byte, error) {
	run, output, usage := object(r.Extra), object(r.Output.Extra), object(r.Usage.Extra)
	run.setText("id", r.ID)
	run.setText("kit", string(r.Kit))
	run.setText("status", r.Status)
	run.setCount("latency_ms", r.LatencyMS, r.zeros&zeroLatency != 0)
	output["text"] = r.Output.Text
	usage.setCount("input_tokens", r.Usage.InputTokens, r.Usage.zeros&zeroInput != 0)
	usage.setCount("output_tokens", r.Usage.OutputTokens, r.Usage.zeros&zeroOutput != 0)
	usage.setCount("total_tokens", r.Usage.TotalTokens, r.Usage.zeros&zeroTotal != 0)
	// A usage that is not an object is in Extra, and is replaced.
	run["output"], run["usage"] = output, usage
	return json.Marshal(run)
}

// UnmarshalJSON reads the form of the API.
func (r *Run) UnmarshalJSON(text []byte) error {
	var run, output, usage map[string]json.RawMessage
	if err := json.Unmarshal(text, &run); err != nil {
		return err
	}
	*r = Run{}
	take(run, "id", &r.ID)
	take(run, "kit", &r.Kit)
	take(run, "status", &r.Status)
	if take(run, "latency_ms", &r.LatencyMS) && r.LatencyMS == 0 {
		r.zeros = zeroLatency
	}
	if !take(run, "output", &output) || !take(output, "text", &r.Output.Text) {
		return &Error{Kind: ErrBadResponse, Message: "The run has no string `output.text`."}
	}
	take(run, "usage", &usage)
	for _, count := range []struct {
		name string
		into *int64
		zero zeroCounts
	}{
		{"input_tokens", &r.Usage.InputTokens, zeroInput},
		{"output_tokens", &r.Usage.OutputTokens, zeroOutput},
		{"total_tokens", &r.Usage.TotalTokens, zeroTotal},
	} {
		if take(usage, count.name, count.into) && *count.into == 0 {
			r.Usage.zeros |= count.zero
		}
	}
	r.Extra, r.Output.Extra, r.Usage.Extra = nilIfEmpty(run), nilIfEmpty(output), nilIfEmpty(usage)
	return nil
}

// zeroCounts are the counts that the service sent as 0, rather than leaving them out.
type zeroCounts uint8

const (
	zeroInput zeroCounts = 1 << iota
	zeroOutput
	zeroTotal
	zeroLatency
)

// jsonObject is an object to marshal.
type jsonObject map[string]any

// object returns an object with the extra fields.
func object(extra map[string]json.RawMessage) jsonObject {
	fields := make(jsonObject, len(extra)+6)
	for name, value := range extra {
		fields[name] = value
	}
	return fields
}

// setText sets a text, unless the service left it out.
func (o jsonObject) setText(name, text string) {
	if text != "" {
		o[name] = text
	}
}

// setCount sets a number, unless the service left it out.
func (o jsonObject) setCount(name string, n int64, isZero bool) {
	if n != 0 || isZero {
		o[name] = n
	}
}

// take moves a field out of an object. A field of another type stays there.
func take[T any](object map[string]json.RawMessage, name string, into *T) bool {
	encoded, ok := object[name]
	if !ok || string(encoded) == "null" {
		delete(object, name)
		return false
	}
	var value T
	if json.Unmarshal(encoded, &value) != nil {
		return false
	}
	delete(object, name)
	*into = value
	return true
}

func nilIfEmpty(object map[string]json.RawMessage) map[string]json.RawMessage {
	if len(object) == 0 {
		return nil
	}
	return object
}

func newRun(result *native.Result) *Run {
	r := &result.Run
	run := &Run{
		ID:     r.ID,
		Kit:    Kit(r.Kit),
		Status: r.Status,
		Output: Output{Text: r.Text, Extra: parseObject(r.OutputExtra)},
		Usage:  Usage{Extra: parseObject(r.UsageExtra)},
		Extra:  parseObject(r.Extra),
		ResponseMetadata: ResponseMetadata{
			Attempts:       result.Attempts,
			RequestID:      result.RequestID,
			IdempotencyKey: result.IdempotencyKey,
			Elapsed:        result.Elapsed,
			Headers:        result.Headers,
		},
	}
	if r.CostNanoUSD.Valid {
		cost := Cost(clamp(r.CostNanoUSD.Value))
		run.Cost = &cost
	}
	u := &run.Usage
	u.InputTokens = readCount(r.InputTokens, &u.zeros, zeroInput, "input_tokens", &u.Extra)
	u.OutputTokens = readCount(r.OutputTokens, &u.zeros, zeroOutput, "output_tokens", &u.Extra)
	u.TotalTokens = readCount(r.TotalTokens, &u.zeros, zeroTotal, "total_tokens", &u.Extra)
	run.LatencyMS = readCount(r.Latency, &run.zeros, zeroLatency, "latency_ms", &run.Extra)
	return run
}

// readCount converts a count. A count that is too large for int64 is put into extra.
func readCount(count native.OptionalUint, zeros *zeroCounts, zero zeroCounts, name string, extra *map[string]json.RawMessage) int64 {
	if count.Value > math.MaxInt64 {
		if *extra == nil {
			*extra = make(map[string]json.RawMessage)
		}
		(*extra)[name] = json.RawMessage(strconv.FormatUint(count.Value, 10))
		return 0
	}
	if count.Valid && count.Value == 0 {
		*zeros |= zero
	}
	return int64(count.Value)
}

// parseObject parses an object that the core wrote.
func parseObject(text string) map[string]json.RawMessage {
	if text == "" {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil
	}
	return fields
}
