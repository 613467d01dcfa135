package builderaikits

import (
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"
)

// An encoded request decodes to the same values, or the request is rejected.
func FuzzRequest(f *testing.F) {
	f.Add("Hello", "", 5, 0.5)
	f.Add("\"\\\n\x00\x1f\x7f\u2028\U0001f600", "\xff", -1, math.Inf(1))
	f.Fuzz(func(t *testing.T, prompt, context string, tokens int, temperature float64) {
		params := RunParams{Kit: "k", Input: RunInput{Prompt: prompt, Context: context, Extra: map[string]any{"x": []any{prompt}}},
			Config: &RunConfig{MaxTokens: &tokens, Temperature: &temperature}}
		encoded, err := params.encode()
		finite := !math.IsNaN(temperature) && !math.IsInf(temperature, 0)
		if valid := utf8.ValidString(prompt) && utf8.ValidString(context) && finite; valid != (err == nil) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		var decoded struct {
			Input struct {
				Prompt, Context string
				X               []string
			}
			Config struct {
				MaxTokens   int `json:"max_tokens"`
				Temperature float64
			}
		}
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if decoded.Input.Prompt != prompt || decoded.Input.Context != context || decoded.Input.X[0] != prompt ||
			decoded.Config.MaxTokens != tokens || decoded.Config.Temperature != temperature {
			t.Fatalf("%s", encoded)
		}
	})
}

func BenchmarkEncodeRequest(b *testing.B) {
	params := RunParams{Kit: KitTextGen, Input: RunInput{Prompt: "Hello, world!"}, Config: &RunConfig{MaxTokens: Int(500)}}
	for b.Loop() {
		if _, err := params.encode(); err != nil {
			b.Fatal(err)
		}
	}
}
