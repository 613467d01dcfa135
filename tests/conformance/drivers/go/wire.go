package main

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	sdk "builderaikits.com/sdk"
)

type object = map[string]any

// take removes a field and returns it, if a T can hold it.
func take[T any](fields object, name string) (value T, ok bool) {
	field, ok := fields[name]
	encoded, _ := json.Marshal(field)
	if !ok || json.Unmarshal(encoded, &value) != nil {
		var zero T
		return zero, false
	}
	delete(fields, name)
	return value, true
}

// options are the options that the driver can set, by the names of the cases.
var options = map[string]func(object, string) (option any, ok bool){
	"api_key": with(sdk.WithAPIKey), "base_url": with(sdk.WithBaseURL), "proxy": with(sdk.WithProxy), "ca_file": with(sdk.WithCAFile),
	"app_name": with(sdk.WithAppName), "idempotency_key": with(sdk.WithIdempotencyKey), "allow_http": with(sdk.WithAllowHTTP),
	"retry_budget": with(sdk.WithRetryBudget), "rate_limit": with(sdk.WithRateLimit), "prices": with(prices),
	"retry_ambiguous": with(sdk.WithRetryAmbiguous), "max_retries": with(sdk.WithMaxRetries),
	"max_concurrency": with(sdk.WithMaxConcurrency), "max_response_bytes": with(sdk.WithMaxResponseBytes),
	"timeout_ms": with(milliseconds(sdk.WithTimeout)), "attempt_timeout_ms": with(milliseconds(sdk.WithAttemptTimeout)),
	"connect_timeout_ms": with(milliseconds(sdk.WithConnectTimeout)),
}

func with[T, O any](option func(T) O) func(object, string) (any, bool) {
	return func(fields object, name string) (any, bool) {
		value, ok := take[T](fields, name)
		return option(value), ok
	}
}

func milliseconds[O any](option func(time.Duration) O) func(*int64) O {
	return func(ms *int64) O {
		if ms == nil || *ms > math.MaxInt64/int64(time.Millisecond) {
			return option(sdk.NoTimeout)
		}
		return option(time.Duration(*ms) * time.Millisecond)
	}
}

// prices are numbers or texts in the cases, and texts without an exponent in Go.
func prices(cases map[sdk.Kit]price) sdk.Option {
	texts := make(map[sdk.Kit]string, len(cases))
	for kit, price := range cases {
		texts[kit] = string(price)
	}
	return sdk.WithPrices(texts)
}

type price string

func (p *price) UnmarshalJSON(encoded []byte) error {
	var number float64
	if json.Unmarshal(encoded, &number) == nil && string(encoded) != "null" {
		*p = price(strconv.FormatFloat(number, 'f', -1, 64))
		return nil
	}
	return json.Unmarshal(encoded, (*string)(p))
}

// parseOptions returns the options of a client or of a call, or the name of an option that Go's types cannot hold.
func parseOptions[O any](fields object) (parsed []O, unsupported string) {
	headers, _ := take[map[string]string](fields, "headers")
	for name, value := range headers {
		parsed = append(parsed, any(sdk.WithHeader(name, value)).(O))
	}
	for name := range fields {
		set := options[name]
		if set == nil {
			return nil, name
		}
		value, ok := set(fields, name)
		option, fits := value.(O)
		if !ok || !fits {
			return nil, name
		}
		parsed = append(parsed, option)
	}
	return parsed, ""
}

// parseRequest returns a request, or the name of a field that Go's types cannot hold. A number of another type stays in
// Extra.
func parseRequest(fields object) (params sdk.RunParams, unsupported string) {
	var isString bool
	if params.Kit, isString = take[sdk.Kit](fields, "kit"); !isString {
		return params, "kit"
	}
	if params.Input.Prompt, isString = take[string](fields, "input"); !isString {
		input, isObject := take[object](fields, "input")
		if !isObject {
			return params, "input"
		}
		if params.Input.Prompt, isString = take[string](input, "prompt"); !isString {
			return params, "prompt"
		}
		params.Input.Context, _ = take[string](input, "context")
		params.Input.Extra = input
	}
	config, _ := take[object](fields, "config")
	if config != nil {
		params.Config = &sdk.RunConfig{}
		params.Config.MaxTokens, _ = take[*int](config, "max_tokens")
		params.Config.Temperature, _ = take[*float64](config, "temperature")
		if number, ok := map[any]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[config["temperature"]]; ok {
			params.Config.Temperature = sdk.Float(number)
			delete(config, "temperature")
		}
		params.Config.Extra = config
	}
	params.Extra = fields
	return params, ""
}
