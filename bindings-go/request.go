package builderaikits

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Requests are copied by the core, so that their memory is used again.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// An encoder writes JSON. Written by hand for the few fields there are: encoding/json would replace bytes that are not
// UTF-8 unseen.
type encoder struct {
	bytes []byte
}

func (e *encoder) params(p *RunParams) error {
	e.raw(`{"kit":`)
	if err := e.text("kit", string(p.Kit)); err != nil {
		return err
	}
	e.raw(`,"input":{"prompt":`)
	if err := e.text("input.prompt", p.Input.Prompt); err != nil {
		return err
	}
	if p.Input.Context != "" {
		e.raw(`,"context":`)
		if err := e.text("input.context", p.Input.Context); err != nil {
			return err
		}
	}
	if err := e.extra("input.", p.Input.Extra, "prompt", "context"); err != nil {
		return err
	}
	e.raw("}")
	if p.Config != nil {
		if err := e.config(p.Config); err != nil {
			return err
		}
	}
	if err := e.extra("", p.Extra, "kit", "input", "config"); err != nil {
		return err
	}
	e.raw("}")
	return nil
}

func (e *encoder) config(c *Config) error {
	e.raw(`,"config":{`)
	if c.MaxTokens != nil {
		e.raw(`"max_tokens":`)
		e.bytes = strconv.AppendInt(e.bytes, int64(*c.MaxTokens), 10)
	}
	if c.Temperature != nil {
		if math.IsNaN(*c.Temperature) || math.IsInf(*c.Temperature, 0) {
			return refusal("config.temperature: must be a finite number", nil)
		}
		e.comma()
		e.raw(`"temperature":`)
		e.bytes = strconv.AppendFloat(e.bytes, *c.Temperature, 'g', -1, 64)
	}
	if err := e.extra("config.", c.Extra, "max_tokens", "temperature"); err != nil {
		return err
	}
	e.raw("}")
	return nil
}

// extra writes fields that have no name here. One that has, would stand there twice.
func (e *encoder) extra(path string, fields map[string]any, named ...string) error {
	for name, value := range fields {
		for _, known := range named {
			if name == known {
				return refusal(path+name+": is a field of its own; set it there, not in Extra", nil)
			}
		}
		e.comma()
		if err := e.text(path+"Extra, a name", name); err != nil {
			return err
		}
		e.raw(":")
		if why := fault(value, 0); why != "" {
			return refusal(path+name+": "+why, nil)
		}
		// What the value itself says of it may hold parts of it.
		made, err := json.Marshal(value)
		if err != nil {
			return refusal(path+name+": cannot be written as JSON", err)
		}
		if !utf8.Valid(made) || replaced(made) {
			return refusal(path+name+": has a text that is not UTF-8", nil)
		}
		e.bytes = append(e.bytes, made...)
	}
	return nil
}

// replaced tells whether encoding/json put U+FFFD in the place of bytes: it writes that as an escape, and a true one as
// it is.
func replaced(made []byte) bool {
	for at := 0; ; at++ {
		found := bytes.Index(made[at:], []byte(`\ufffd`))
		if found < 0 {
			return false
		}
		at += found
		before := 0
		for before < at && made[at-before-1] == '\\' {
			before++
		}
		if before%2 == 0 {
			return true
		}
	}
}

// text writes a string. The error names the field, and shows nothing of it.
func (e *encoder) text(field, text string) error {
	if !utf8.ValidString(text) {
		return refusal(field+": is not UTF-8 (from byte "+strconv.Itoa(validUpTo(text))+")", nil)
	}
	e.quote(text)
	return nil
}

func (e *encoder) quote(text string) {
	const hex = "0123456789abcdef"
	e.bytes = append(e.bytes, '"')
	begin := 0
	for i := range len(text) {
		b := text[i]
		if b >= ' ' && b != '"' && b != '\\' {
			continue
		}
		e.bytes = append(e.bytes, text[begin:i]...)
		begin = i + 1
		switch b {
		case '"', '\\':
			e.bytes = append(e.bytes, '\\', b)
		case '\n':
			e.bytes = append(e.bytes, '\\', 'n')
		default:
			e.bytes = append(e.bytes, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	e.bytes = append(append(e.bytes, text[begin:]...), '"')
}

func (e *encoder) comma() {
	if last := e.bytes[len(e.bytes)-1]; last != '{' {
		e.bytes = append(e.bytes, ',')
	}
}

func (e *encoder) raw(text string) { e.bytes = append(e.bytes, text...) }

// fault is what is wrong with a plain value that encoding/json would write all the same: text that is not UTF-8, which it
// replaces unseen, and what is nested too deep for the core.
func fault(value any, depth int) string {
	if depth > deepest {
		return "is nested over " + strconv.Itoa(deepest) + " levels deep"
	}
	switch value := value.(type) {
	case string:
		if !utf8.ValidString(value) {
			return "has a text that is not UTF-8"
		}
	case []any:
		for _, item := range value {
			if why := fault(item, depth+1); why != "" {
				return why
			}
		}
	case map[string]any:
		for name, item := range value {
			if !utf8.ValidString(name) {
				return "has a name that is not UTF-8"
			}
			if why := fault(item, depth+1); why != "" {
				return why
			}
		}
	}
	return ""
}

const deepest = 100

func validUpTo(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return len(text)
}

func refusal(message string, cause error) *Error {
	return &Error{Kind: ErrInvalidRequest, Message: message, cause: cause}
}

// field writes a text of an answer, if there is one.
func (e *encoder) field(name, text string) {
	if text != "" {
		e.comma()
		e.quote(name)
		e.raw(":")
		e.quote(toUTF8(text))
	}
}

// count writes a number of an answer, if there is one or the service said 0.
func (e *encoder) count(name string, number int64, isZero bool) {
	if number != 0 || isZero {
		e.comma()
		e.quote(name)
		e.raw(":")
		e.bytes = strconv.AppendInt(e.bytes, number, 10)
	}
}

// rest writes fields that have no name here, in the order of their names.
func (e *encoder) rest(fields map[string]json.RawMessage, written ...string) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(written, name) {
			e.comma()
			e.quote(toUTF8(name))
			e.raw(":")
			e.bytes = append(e.bytes, fields[name]...)
		}
	}
}

func toUTF8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
