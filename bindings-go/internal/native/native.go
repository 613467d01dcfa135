//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

/*
#include "builderaikits.h"

#ifdef __ANDROID__
#error "builderaikits does not support Android yet"
#endif

#cgo noescape baik_1_client_new
#cgo nocallback baik_1_client_new
#cgo noescape baik_1_submit
#cgo nocallback baik_1_submit
#cgo nocallback baik_1_cancel
#cgo noescape baik_1_drain
#cgo nocallback baik_1_drain
#cgo nocallback baik_1_batch_free
#cgo noescape baik_1_logs
#cgo nocallback baik_1_logs
#cgo noescape baik_1_query
#cgo nocallback baik_1_query
*/
import "C"

import (
	"context"
	"fmt"
	"time"
	"unsafe"
)

// NewClient creates a client, or a copy of base if that is not 0. An option that the core rejects is reported in
// rejected; err is an [UnavailableError] or a bug.
func NewClient(base uint64, options []byte) (client uint64, rejected *Result, err error) {
	if _, err := sharedQueue(); err != nil {
		return 0, nil, err
	}
	var handle C.uint64_t
	var batch C.baik_1_batch
	code := C.baik_1_client_new(C.uint64_t(base), bytesOf(options), C.size_t(len(options)), &handle, &batch)
	rejected, err = readError("client_new", code, &batch)
	return uint64(handle), rejected, err
}

// CloseClient closes a client and, unless it is a copy itself, its copies.
func CloseClient(client uint64) { C.baik_1_client_close(C.uint64_t(client)) }

// FreeClient frees a client's handle.
func FreeClient(client uint64) { C.baik_1_client_free(C.uint64_t(client)) }

// Query returns what the core knows, as JSON. client is 0 for a query that needs no client. A request that the core rejects
// is reported in rejected; err is an [UnavailableError] or a bug.
func Query(client uint64, name string, request []byte) (payload []byte, rejected *Result, err error) {
	// The core reads a long prompt here, as in submit.
	submitSlots <- struct{}{}
	defer func() { <-submitSlots }()
	var batch C.baik_1_batch
	code := C.baik_1_query(C.uint64_t(client), (*C.uint8_t)(unsafe.StringData(name)), C.size_t(len(name)),
		bytesOf(request), C.size_t(len(request)), &batch)
	if code != C.BAIK_1_OK {
		rejected, err = readError("query", code, &batch)
		return nil, rejected, err
	}
	defer C.baik_1_batch_free(batch.handle)
	return []byte(viewText(batch.records.payload)), nil, nil
}

// SetLogLevel sets the log level: 0 off, 1 info, 2 debug, -1 as the environment says. It returns the level that is now
// set.
func SetLogLevel(level int) int { return int(C.baik_1_log_level(C.int32_t(level))) }

// DrainLogs removes and returns the buffered log records.
func DrainLogs() []LogRecord {
	var batch C.baik_1_batch
	if C.baik_1_logs(&batch) != C.BAIK_1_OK || batch.handle == 0 {
		return nil
	}
	defer C.baik_1_batch_free(batch.handle)
	logs := make([]LogRecord, 0, int(batch.count))
	for _, record := range unsafe.Slice(batch.records, int(batch.count)) {
		logs = append(logs, LogRecord{Debug: viewText(record.kind) == "debug", Message: copyText(record.display)})
	}
	return logs
}

// Limits concurrent cgo calls. A cgo call that takes more than 20 µs makes the Go runtime hand its P to another thread, which
// it keeps; without a limit, 10,000 goroutines that start a call could create as many threads. Cancelling has slots of its
// own, because submitting a long prompt takes long.
var (
	submitSlots = make(chan struct{}, 8)
	cancelSlots = make(chan struct{}, 8)
)

// acquireSubmitSlot acquires a slot and returns how long that took. If ctx ends first, it returns false and holds no slot.
func acquireSubmitSlot(ctx context.Context) (waited time.Duration, ok bool) {
	select {
	case submitSlots <- struct{}{}:
		return 0, true
	default:
	}
	started := time.Now()
	select {
	case submitSlots <- struct{}{}:
	case <-ctx.Done():
		return 0, false
	}
	// Both may have happened at once.
	if ctx.Err() != nil {
		<-submitSlots
		return 0, false
	}
	return time.Since(started), true
}

// addQueuedFor adds to a call's options how long it waited for a slot, which counts towards its timeout.
func addQueuedFor(waited time.Duration, options []byte) []byte {
	rest := []byte("}")
	if len(options) > 0 {
		rest = append([]byte(","), options[1:]...)
	}
	return fmt.Appendf(nil, `{"queued_for_ms":%g%s`, float64(waited)/float64(time.Millisecond), rest)
}

// submit starts a call. The core copies request and options before it returns.
func submit(ctx context.Context, client, queue uint64, operation string, request, options []byte) (call uint64, rejected *Result, err error) {
	waited, ok := acquireSubmitSlot(ctx)
	if !ok {
		return 0, nil, ErrNotStarted
	}
	if waited > 0 {
		options = addQueuedFor(waited, options)
	}
	var id C.uint64_t
	var batch C.baik_1_batch
	code := C.baik_1_submit(C.uint64_t(client), C.uint64_t(queue),
		(*C.uint8_t)(unsafe.StringData(operation)), C.size_t(len(operation)),
		bytesOf(request), C.size_t(len(request)), bytesOf(options), C.size_t(len(options)), &id, &batch)
	<-submitSlots
	rejected, err = readError("submit", code, &batch)
	return uint64(id), rejected, err
}

// cancel cancels a call. It returns false if the call has completed, and its result is or was in the queue.
func cancel(queue, call uint64) bool {
	cancelSlots <- struct{}{}
	code := C.baik_1_cancel(C.uint64_t(queue), C.uint64_t(call))
	<-cancelSlots
	return code == C.BAIK_1_OK
}

// drain passes completed calls to deliver until there are none. A record is valid only during deliver.
func drain(queue uint64, timeoutMS uint32, deliver func(call uint64, record *C.baik_1_record)) {
	const maxBatch = 256
	var batch C.baik_1_batch
	for {
		code := C.baik_1_drain(C.uint64_t(queue), maxBatch, C.uint32_t(timeoutMS), &batch)
		if code != C.BAIK_1_OK || batch.handle == 0 {
			return
		}
		records := unsafe.Slice(batch.records, int(batch.count))
		for i := range records {
			deliver(uint64(records[i].call), &records[i])
		}
		C.baik_1_batch_free(batch.handle)
		if batch.more == 0 {
			return
		}
	}
}

// readError converts the code of a function and its error batch.
func readError(function string, code C.baik_1_code, batch *C.baik_1_batch) (rejected *Result, err error) {
	switch {
	case code == C.BAIK_1_OK:
		return nil, nil
	case code == C.BAIK_1_ERROR && batch.count == 1:
		rejected = new(Result)
		rejected.read(batch.records)
		C.baik_1_batch_free(batch.handle)
		return rejected, nil
	default:
		return nil, fmt.Errorf("internal error in baik_1_%s (code %d); please report it", function, int(code))
	}
}

func bytesOf(bytes []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(bytes)) }
