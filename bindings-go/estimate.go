package builderaikits

import "runtime"

// Estimate is what a request may use and cost.
type Estimate struct {
	// InputTokens is the estimated number of input tokens.
	InputTokens int64
	// MaxOutputTokens is the maximum number of output tokens: that of the request, else the kit's. 0: neither is known.
	MaxOutputTokens int64
	// MaxCost is the cost of both at the kit's price. It is nil if the output or the price is not known.
	MaxCost *Cost
}

// Estimate returns what a request may use and cost. Nothing is sent. The service's own count of tokens can differ.
//
// The errors are those of [Kits.Run] for an invalid request.
func (k Kits) Estimate(params RunParams) (Estimate, error) {
	if k.client == nil || k.client.handle == 0 {
		return Estimate{}, errNoClient()
	}
	request, err := params.encode()
	if err != nil {
		return Estimate{}, err
	}
	var record struct {
		InputTokens     uint64      `json:"input_tokens"`
		MaxOutputTokens uint64      `json:"max_output_tokens"`
		MaxCost         *costRecord `json:"max_cost"`
	}
	err = query(k.client.handle, "kits.estimate", request, &record)
	runtime.KeepAlive(k.client)
	if err != nil {
		return Estimate{}, err
	}
	estimate := Estimate{InputTokens: clamp(record.InputTokens), MaxOutputTokens: clamp(record.MaxOutputTokens)}
	if record.MaxCost != nil {
		cost := record.MaxCost.cost()
		estimate.MaxCost = &cost
	}
	return estimate, nil
}
