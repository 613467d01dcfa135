package builderaikits

import "sync"

// KitInfo is what this version knows of a kit.
type KitInfo struct {
	// ID is the id in the API.
	ID Kit
	// Purpose is what the kit is for.
	Purpose string
	// MaxTokens is the maximum of [RunConfig.MaxTokens].
	MaxTokens int
	// PricePer1KTokens is the price of 1,000 tokens. It applies to the total of input and output tokens.
	PricePer1KTokens Cost
}

// KitInfoOf returns what this version knows of a kit. ok is false for a kit that it does not know, and in a program without
// cgo. The prices are those of this version, without [WithPrices].
func KitInfoOf(kit Kit) (info KitInfo, ok bool) {
	info, ok = kitInfos()[kit]
	return info, ok
}

// kitInfos are the kits of the core's catalog.
var kitInfos = sync.OnceValue(func() map[Kit]KitInfo {
	var catalog struct {
		Kits []struct {
			ID               Kit        `json:"id"`
			Purpose          string     `json:"purpose"`
			MaxTokens        int        `json:"max_tokens"`
			PricePer1KTokens costRecord `json:"price_per_1k_tokens"`
		} `json:"kits"`
	}
	if query(0, "catalog", nil, &catalog) != nil {
		return nil
	}
	infos := make(map[Kit]KitInfo, len(catalog.Kits))
	for _, kit := range catalog.Kits {
		infos[kit.ID] = KitInfo{kit.ID, kit.Purpose, kit.MaxTokens, kit.PricePer1KTokens.cost()}
	}
	return infos
})
