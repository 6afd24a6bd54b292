package client

import (
	"context"
)

// keyOf and partyOf are where a context carries what overrides the Client's own key and party.
type (
	keyOf   struct{}
	partyOf struct{}
)

// WithKey makes the calls made with the returned context carry this key instead of the Client's. A portal that serves
// many users needs one Client only.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

// WithParty makes the calls made with the returned context act for this party instead of the Client's.
func WithParty(ctx context.Context, partyID string) context.Context {
	return context.WithValue(ctx, partyOf{}, partyID)
}

// identity tells the service, with every call, who is calling. It is gRPC's PerRPCCredentials, so that gRPC itself
// refuses to send the key over anything weaker than what Options decided on.
type identity struct {
	key    string
	party  string
	secure bool
}

// GetRequestMetadata returns the headers that name the caller.
func (i identity) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if key, ok := ctx.Value(keyOf{}).(string); ok {
		i.key = key
	}
	if party, ok := ctx.Value(partyOf{}).(string); ok {
		i.party = party
	}
	headers := make(map[string]string, 2)
	if i.key != "" {
		headers["authorization"] = "Bearer " + i.key
	}
	if i.party != "" {
		headers["concord-party"] = i.party
	}
	return headers, nil
}

// RequireTransportSecurity says whether the key may travel by TLS only.
func (i identity) RequireTransportSecurity() bool { return i.secure }
