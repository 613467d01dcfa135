//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

// #include "builderaikits.h"
import "C"

import (
	"math"
	"net/http"
	"net/textproto"
	"time"
	"unsafe"
)

// Texts up to this length share one allocation. A longer text has its own, so that an id that is kept does not keep a
// response of megabytes alive.
const sharedTextLimit = 1 << 10

// read copies a record, which is valid only as long as its batch.
func (r *Result) read(record *C.baik_1_record) {
	if record.kind.data != nil {
		r.ErrorJSON = []byte(viewText(record.error_json))
		if record.body.data != nil {
			r.Body = []byte(viewText(record.body))
		}
		return
	}
	texts := [...]*C.baik_1_str{&record.request_id, &record.idempotency_key, &record.payload, &record.id, &record.kit,
		&record.status, &record.text, &record.extra, &record.output_extra, &record.usage_extra}
	into := [...]*string{&r.RequestID, &r.IdempotencyKey, &r.Payload, &r.Run.ID, &r.Run.Kit,
		&r.Run.Status, &r.Run.Text, &r.Run.Extra, &r.Run.OutputExtra, &r.Run.UsageExtra}
	headers := unsafe.Slice(record.headers, int(record.header_count))
	size := 0
	for _, text := range texts {
		size += sharedLen(text)
	}
	for i := range headers {
		size += sharedLen(&headers[i].name) + sharedLen(&headers[i].value)
	}
	buffer := make([]byte, 0, size)
	for i, text := range texts {
		*into[i] = copyInto(&buffer, text)
	}
	r.Headers = make(http.Header, len(headers))
	values := make([]string, len(headers))
	for i := range headers {
		name := textproto.CanonicalMIMEHeaderKey(copyInto(&buffer, &headers[i].name))
		values[i] = copyInto(&buffer, &headers[i].value)
		if earlier := r.Headers[name]; earlier != nil {
			r.Headers[name] = append(earlier, values[i])
		} else {
			// The capacity is 1, so that a second value of the name does not overwrite the next header's.
			r.Headers[name] = values[i : i+1 : i+1]
		}
	}
	r.Attempts = int(record.attempts)
	r.Elapsed = time.Duration(min(uint64(record.elapsed_ns), math.MaxInt64))
	number := func(value C.uint64_t, flag C.uint32_t) OptionalUint {
		return OptionalUint{uint64(value), record.flags&flag != 0}
	}
	r.Run.InputTokens = number(record.input_tokens, C.BAIK_1_HAS_INPUT_TOKENS)
	r.Run.OutputTokens = number(record.output_tokens, C.BAIK_1_HAS_OUTPUT_TOKENS)
	r.Run.TotalTokens = number(record.total_tokens, C.BAIK_1_HAS_TOTAL_TOKENS)
	r.Run.Latency = number(record.latency_ms, C.BAIK_1_HAS_LATENCY)
	r.Run.CostNanoUSD = number(record.cost_nano_usd, C.BAIK_1_HAS_COST)
}

// sharedLen is how many bytes of the shared allocation a text needs.
func sharedLen(text *C.baik_1_str) int {
	if text.len > sharedTextLimit {
		return 0
	}
	return int(text.len)
}

// copyInto copies a text into the buffer, whose capacity is the sum of sharedLen.
func copyInto(buffer *[]byte, text *C.baik_1_str) string {
	switch {
	case text.len == 0:
		return ""
	case text.len > sharedTextLimit:
		return copyText(*text)
	}
	start := len(*buffer)
	*buffer = append(*buffer, viewText(*text)...)
	return unsafe.String(&(*buffer)[start], len(*buffer)-start)
}

func copyText(text C.baik_1_str) string { return string([]byte(viewText(text))) }

// viewText is a text in the memory of its batch, valid only as long as that.
func viewText(text C.baik_1_str) string {
	return unsafe.String((*byte)(text.data), int(text.len))
}
