//go:build cgo

package builderaikits_test

import (
	"encoding/json"
	"reflect"
	"testing"

	sdk "builderaikits.com/sdk"
)

func TestRunJSONMatchesTheAPI(t *testing.T) {
	table := []struct{ sent, json string }{
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
		if row.json == "" {
			row.json = row.sent
		}
		s := serve(t, respond(200, row.sent))
		got := run(t, client(t, sdk.WithBaseURL(s.URL())), hello)
		written, err := json.Marshal(got)
		if err != nil || !sameJSON(t, string(written), row.json) || !sameJSON(t, got.RawJSON(), row.json) {
			t.Errorf("%s and %s, not %s: %v", written, got.RawJSON(), row.json, err)
		}
		var parsed sdk.Run
		if err := json.Unmarshal(written, &parsed); err != nil {
			t.Error(err)
		}
		got.ResponseMetadata = sdk.ResponseMetadata{}
		if got.Extra["usage"] == nil && !reflect.DeepEqual(&parsed, got) && row.sent[2] != 'i' {
			t.Errorf("%+v, not %+v", parsed, *got)
		}
		if rewritten, _ := json.Marshal(parsed); !sameJSON(t, string(rewritten), string(written)) {
			t.Errorf("%s, not %s", rewritten, written)
		}
	}
	for _, bad := range []string{`[]`, `{}`, `{"output":{}}`, `{"output":{"text":1}}`, `{"output":"a"}`} {
		if err := json.Unmarshal([]byte(bad), new(sdk.Run)); err == nil {
			t.Error(bad)
		}
	}
}

func TestConstructedRunAsJSON(t *testing.T) {
	constructed := sdk.Run{Output: sdk.Output{Text: "hi\xff", Extra: map[string]json.RawMessage{"b": []byte("2"), "a": []byte("1")}},
		Usage: sdk.Usage{TotalTokens: 2}, LatencyMS: -1}
	want := `{"output":{"text":"hi\ufffd","a":1,"b":2},"usage":{"total_tokens":2},"latency_ms":-1}`
	if text := constructed.RawJSON(); !sameJSON(t, text, want) {
		t.Error(text)
	}
}
