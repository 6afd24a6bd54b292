package client

import (
	"context"
	"maps"
)

// The headers that name the caller.
const (
	keyHeader   = "authorization"
	partyHeader = "concord-party"
)

// WithKey makes the calls made with the returned context carry this key instead of the Client's. A portal that serves
// many users needs one Client only; one context for all calls of a user spares each of them some work.
func WithKey(ctx context.Context, key string) context.Context {
	return with(ctx, keyHeader, bearer(key))
}

// WithParty makes the calls made with the returned context act for this party instead of the Client's.
func WithParty(ctx context.Context, partyID string) context.Context {
	return with(ctx, partyHeader, partyID)
}

// headersOf is where a context carries the headers that stand in for the Client's own; an empty one takes that away.
type headersOf struct{}

func with(ctx context.Context, header, value string) context.Context {
	headers := map[string]string{header: value}
	for name, value := range overrides(ctx) {
		if name != header {
			headers[name] = value
		}
	}
	return context.WithValue(ctx, headersOf{}, headers)
}

func overrides(ctx context.Context) map[string]string {
	headers, _ := ctx.Value(headersOf{}).(map[string]string)
	return headers
}

func bearer(key string) string {
	if key == "" {
		return ""
	}
	return "Bearer " + key
}

// identity tells the service, with every call, who is calling. It is gRPC's PerRPCCredentials, so that gRPC itself
// refuses to send the key over anything weaker than what Options decided on.
type identity struct {
	headers map[string]string // read by many calls at a time, and written by none
	secure  bool
}

func newIdentity(key, party string, secure bool) identity {
	return identity{set(map[string]string{keyHeader: bearer(key), partyHeader: party}), secure}
}

// set leaves out what is empty.
func set(headers map[string]string) map[string]string {
	maps.DeleteFunc(headers, func(_, value string) bool { return value == "" })
	return headers
}

// GetRequestMetadata returns the headers that name the caller. gRPC only reads them.
func (i identity) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	own := overrides(ctx)
	if own == nil {
		return i.headers, nil
	}
	for _, name := range [...]string{keyHeader, partyHeader} {
		if value, stands := own[name]; stands && value == "" || !stands && i.headers[name] != "" {
			headers := maps.Clone(i.headers)
			maps.Copy(headers, own)
			return set(headers), nil
		}
	}
	return own, nil // as it is: nothing of the Client's is left
}

// RequireTransportSecurity says whether the key may travel by TLS only.
func (i identity) RequireTransportSecurity() bool { return i.secure }
