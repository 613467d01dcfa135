//go:build cgo

package builderaikits_test

import (
	"encoding/json"
	"reflect"
	"testing"

	sdk "builderaikits.com/sdk"
)

func TestJSONOfRuns(t *testing.T) {
	table := []struct{ sent, want string }{
		{runJSON, ""},
		{`{"output":{"text":""}}`, `{"output":{"text":""},"usage":{}}`},
		{`{"id":null,"output":{"text":"a","new":[1.0]},"usage":{"input_tokens":0,"output_tokens":null},"latency_ms":0}`,
			`{"output":{"text":"a","new":[1.0]},"usage":{"input_tokens":0},"latency_ms":0}`},
		{`{"output":{"text":"<&>\u2028 \"q\" \\ \u0000"},"id":7,"usage":{"total_tokens":"12","cached":1},"a":{"b":[null]}}`,
			`{"id":7,"output":{"text":"<&>\u2028 \"q\" \\ \u0000"},"usage":{"total_tokens":"12","cached":1},"a":{"b":[null]}}`},
		{`{"output":{"text":"a"},"usage":[1]}`, `{"output":{"text":"a"},"usage":{}}`},
		{`{"output":{"text":"a"},"usage":{"total_tokens":18446744073709551615},"latency_ms":9223372036854775807}`,
			`{"output":{"text":"a"},"usage":{"total_tokens":18446744073709551615},"latency_ms":9223372036854775807}`},
	}
	for _, row := range table {
		if row.want == "" {
			row.want = row.sent
		}
		s := serve(t, respond(200, row.sent))
		received := run(t, client(t, sdk.WithBaseURL(s.URL())), hello)
		encoded, err := json.Marshal(received)
		if err != nil || !sameJSON(t, string(encoded), row.want) || !sameJSON(t, received.RawJSON(), row.want) {
			t.Errorf("got %s and %s, want %s: %v", encoded, received.RawJSON(), row.want, err)
		}
		var decoded sdk.Run
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Error(err)
		}
		received.ResponseMetadata, received.Cost = sdk.ResponseMetadata{}, nil
		if received.Extra["usage"] == nil && !reflect.DeepEqual(&decoded, received) && row.sent[2] != 'i' {
			t.Errorf("got %+v, want %+v", decoded, *received)
		}
		if again, _ := json.Marshal(decoded); !sameJSON(t, string(again), string(encoded)) {
			t.Errorf("got %s, want %s", again, encoded)
		}
	}
	for _, invalid := range []string{`[]`, `{}`, `{"output":{}}`, `{"output":{"text":1}}`, `{"output":"a"}`} {
		if err := json.Unmarshal([]byte(invalid), new(sdk.Run)); err == nil {
			t.Error(invalid)
		}
	}
}

func TestJSONOfConstructedRun(t *testing.T) {
	run := sdk.Run{Output: sdk.Output{Text: "hi\xff", Extra: map[string]json.RawMessage{"b": []byte("2"), "a": []byte("1")}},
		Usage: sdk.Usage{TotalTokens: 2}, LatencyMS: -1}
	if text := run.RawJSON(); !sameJSON(t, text, `{"output":{"text":"hi\ufffd","a":1,"b":2},"usage":{"total_tokens":2},"latency_ms":-1}`) {
		t.Error(text)
	}
}
