package builderaikits

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"unicode/utf8"
)

// Kit is the id of a kit. Kits that this version does not know can be used by their id.
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

// RunParams is a request to run a prompt on a kit: at most 32 MiB when serialized. Printed, it shows sizes and never the
// prompt.
type RunParams struct {
	// Kit is the kit to run. Required.
	Kit Kit
	// Input is the input of the run.
	Input RunInput
	// Config are settings of the run. Default: the service's.
	Config *RunConfig
	// Extra are fields that this version does not know, sent next to those above.
	Extra map[string]any
}

// RunInput is the input of a run. Printed, it shows sizes and never the prompt.
type RunInput struct {
	// Prompt is the prompt, in UTF-8.
	Prompt string `json:"prompt"`
	// Context is the text that the prompt refers to, such as the text to summarize. Default: none.
	Context string `json:"context,omitempty"`
	// Extra are fields that this version does not know. Numbers of more than 64 bits are rounded.
	Extra map[string]any `json:"-"`
}

// RunConfig are settings of a run.
type RunConfig struct {
	// MaxTokens is the maximum number of output tokens, from 1 to the kit's limit; see [Int]. Default: the service's.
	MaxTokens *int `json:"max_tokens,omitempty"`
	// Temperature is the sampling temperature; see [Float]. The service validates the range. Default: the service's.
	Temperature *float64 `json:"temperature,omitempty"`
	// Extra are fields that this version does not know. Numbers of more than 64 bits are rounded.
	Extra map[string]any `json:"-"`
}

// Int returns a pointer to n, for optional fields.
func Int(n int) *int { return &n }

// Float returns a pointer to f, for optional fields.
func Float(f float64) *float64 { return &f }

// String shows the kit and sizes, never the prompt or the context.
func (p RunParams) String() string {
	return fmt.Sprintf("{kit: %q, input: %v, config: %v, extra: %d}", string(p.Kit), p.Input, p.Config, len(p.Extra))
}

// GoString returns String with the name of the type.
func (p RunParams) GoString() string { return "builderaikits.RunParams" + p.String() }

// LogValue returns String, for package log/slog.
func (p RunParams) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String shows sizes, never the prompt or the context.
func (i RunInput) String() string {
	return fmt.Sprintf("{prompt: %d bytes, context: %d bytes, extra: %d}", len(i.Prompt), len(i.Context), len(i.Extra))
}

// GoString returns String with the name of the type.
func (i RunInput) GoString() string { return "builderaikits.RunInput" + i.String() }

// LogValue returns String, for package log/slog.
func (i RunInput) LogValue() slog.Value { return slog.StringValue(i.String()) }

// String shows the settings and the number of extra fields.
func (c *RunConfig) String() string {
	if c == nil {
		return "{}"
	}
	tokens, temperature := "default", "default"
	if c.MaxTokens != nil {
		tokens = fmt.Sprint(*c.MaxTokens)
	}
	if c.Temperature != nil {
		temperature = fmt.Sprint(*c.Temperature)
	}
	return fmt.Sprintf("{max_tokens: %s, temperature: %s, extra: %d}", tokens, temperature, len(c.Extra))
}

// encode returns the request as JSON. encoding/json would replace bytes that are not UTF-8 silently, so text is checked
// first.
func (p *RunParams) encode() ([]byte, error) {
	for _, field := range [...]struct{ name, text string }{
		{"kit", string(p.Kit)}, {"input.prompt", p.Input.Prompt}, {"input.context", p.Input.Context},
	} {
		if problem := invalidUTF8(field.text); problem != "" {
			return nil, errInvalidField(field.name, problem)
		}
	}
	request := struct {
		Kit    Kit `json:"kit"`
		Input  any `json:"input"`
		Config any `json:"config,omitempty"`
	}{Kit: p.Kit}
	var err error
	if request.Input, err = withExtra(&p.Input, "input.", p.Input.Extra, "prompt", "context"); err != nil {
		return nil, err
	}
	if c := p.Config; c != nil {
		if t := c.Temperature; t != nil && (math.IsNaN(*t) || math.IsInf(*t, 0)) {
			return nil, errInvalidField("config.temperature", "must be a finite number.")
		}
		if request.Config, err = withExtra(c, "config.", c.Extra, "max_tokens", "temperature"); err != nil {
			return nil, err
		}
	}
	whole, err := withExtra(&request, "", p.Extra, "kit", "input", "config")
	if err != nil {
		return nil, err
	}
	return marshal(whole)
}

// withExtra returns an object with extra fields, as JSON, or the object itself if there are none. known are the fields that
// have a name in Go.
func withExtra(object any, path string, extra map[string]any, known ...string) (any, error) {
	if len(extra) == 0 {
		return object, nil
	}
	fields := make(map[string]json.RawMessage, len(extra))
	for name, value := range extra {
		for _, taken := range known {
			if name == taken {
				return nil, errInvalidField(path+name, "is a field of its own. Set it there, not in `Extra`.")
			}
		}
		if problem := invalidUTF8(name); problem != "" {
			return nil, errInvalidField(path+"Extra", "has a key that "+problem)
		}
		encoded, err := json.Marshal(value)
		switch {
		case err != nil:
			// The text of err can contain parts of the value.
			return nil, errInvalidField(path+name, "cannot be encoded as JSON.")
		case !utf8.Valid(encoded) || hasReplacedBytes(encoded):
			return nil, errInvalidField(path+name, "contains text that is not valid UTF-8.")
		case depth(encoded) > maxExtraDepth:
			return nil, errInvalidField(path+name, fmt.Sprintf("is nested more than %d levels deep.", maxExtraDepth))
		}
		fields[name] = encoded
	}
	encoded, err := marshal(object)
	if err != nil {
		return nil, err
	}
	tail, err := marshal(fields)
	if err != nil {
		return nil, err
	}
	if len(encoded) > len("{}") {
		tail[0] = ','
		encoded = append(encoded[:len(encoded)-1], tail...)
		return json.RawMessage(encoded), nil
	}
	return json.RawMessage(tail), nil
}

func marshal(value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, errInternal(fmt.Errorf("the request cannot be encoded: %w", err))
	}
	return encoded, nil
}

// maxExtraDepth is the limit of the core.
const maxExtraDepth = 100

// depth returns how deep a JSON value is nested. A string or a number has depth 0.
func depth(encoded []byte) (deepest int) {
	decoder, open := json.NewDecoder(bytes.NewReader(encoded)), 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			open++
			deepest = max(deepest, open)
		case json.Delim(']'), json.Delim('}'):
			open--
		}
	}
}

// hasReplacedBytes reports whether encoding/json replaced bytes by U+FFFD: it escapes that, and writes a U+FFFD of the text
// as it is.
func hasReplacedBytes(encoded []byte) bool {
	for start := 0; ; start++ {
		found := bytes.Index(encoded[start:], []byte(`\ufffd`))
		if found < 0 {
			return false
		}
		start += found
		backslashes := 0
		for backslashes < start && encoded[start-backslashes-1] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return true
		}
	}
}

// invalidUTF8 describes where a text is not valid UTF-8, and contains nothing of it. It is empty for a valid text.
func invalidUTF8(text string) (problem string) {
	if utf8.ValidString(text) {
		return ""
	}
	valid := 0
	for valid < len(text) {
		r, size := utf8.DecodeRuneInString(text[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	return fmt.Sprintf("is not valid UTF-8 (byte %d).", valid)
}

func errInvalidField(name, problem string) *Error {
	return &Error{Kind: ErrInvalidRequest, Option: name, Message: name + " " + problem}
}
