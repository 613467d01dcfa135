package builderaikits

import (
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"
)

// What is written is read back as it was, or refused.
func FuzzRequest(f *testing.F) {
	f.Add("Hello", "", 5, 0.5)
	f.Add("\"\\\n\x00\x1f\x7f\u2028\U0001f600", "\xff", -1, math.Inf(1))
	f.Fuzz(func(t *testing.T, prompt, context string, tokens int, temperature float64) {
		e := encoder{}
		err := e.params(&RunParams{Kit: "k", Input: Input{Prompt: prompt, Context: context, Extra: map[string]any{"x": []any{prompt}}},
			Config: &Config{MaxTokens: &tokens, Temperature: &temperature}})
		finite := !math.IsNaN(temperature) && !math.IsInf(temperature, 0)
		if good := utf8.ValidString(prompt) && utf8.ValidString(context) && finite; good != (err == nil) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		var read struct {
			Input struct {
				Prompt, Context string
				X               []string
			}
			Config struct {
				MaxTokens   int `json:"max_tokens"`
				Temperature float64
			}
		}
		if err := json.Unmarshal(e.bytes, &read); err != nil {
			t.Fatalf("%s: %v", e.bytes, err)
		}
		if read.Input.Prompt != prompt || read.Input.Context != context || read.Input.X[0] != prompt ||
			read.Config.MaxTokens != tokens || read.Config.Temperature != temperature {
			t.Fatalf("%s", e.bytes)
		}
	})
}
