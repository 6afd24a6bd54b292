// Package auth finds out who calls, and whether they may.
//
// A call brings an API key; the key's record says who its holder is, and that is the Caller the rules decide by. Which
// roles may call an RPC stands beside the RPC in the proto, and is read from there when the server starts: an RPC
// without a rule does not start. A key's secret is never kept, only its hash.
package auth

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/metadata"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
	"github.com/concordhq/concord/server/journal"
)

// Names of the metadata (and headers) that say who calls.
const (
	// Authorization carries "Bearer " and the secret, or "Feed " and one that stood in a URL.
	Authorization = "authorization"
	// ActingParty names the party that a service with several acts for.
	ActingParty = "concord-party"
)

// maxKnown bounds the keys that are remembered between calls; past it the memory is begun anew.
const maxKnown = 10_000

// Door lets callers in.
type Door struct {
	journal *journal.Journal
	access  map[string][]pb.Role // by full method name
	open    map[string]bool      // full method names that need no key here

	mu      sync.RWMutex
	version uint64                   // of the journal's parties and keys that known was read at
	known   map[string]*pb.Principal // by secret hash
}

// New makes a door that lets nobody in yet: Read tells it the rules. It lets anyone in to the methods that are named open.
func New(j *journal.Journal, open ...string) *Door {
	d := &Door{journal: j, open: map[string]bool{}, known: map[string]*pb.Principal{}}
	for _, method := range open {
		d.open[method] = true
	}
	return d
}

// guest is who was let in.
type guest struct {
	principal *pb.Principal
	caller    rules.Caller
}

type guestKey struct{}

// Caller is who calls, once the door has let them in.
func Caller(ctx context.Context) rules.Caller {
	if g, ok := ctx.Value(guestKey{}).(*guest); ok {
		return g.caller
	}
	return rules.Caller{}
}

// Principal is who the caller's key says they are.
func Principal(ctx context.Context) *pb.Principal {
	if g, ok := ctx.Value(guestKey{}).(*guest); ok {
		return g.principal
	}
	return nil
}

// Enter lets a call of a method in, or says why not.
func (d *Door) Enter(ctx context.Context, method string) (context.Context, error) {
	if Open(method) || d.open[method] {
		return ctx, nil
	}
	p, err := d.principal(ctx, metadata.ValueFromIncomingContext(ctx, Authorization))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(d.access[method], p.GetRole()) {
		e := rules.Refuse(pb.ErrorReason_ERROR_REASON_ROLE_NOT_ALLOWED, "A caller with the role %s may not call %s.", roleWord(p.GetRole()), method)
		e.Metadata = map[string]string{"role": roleWord(p.GetRole()), "method": method}
		return nil, e
	}
	party, err := actingParty(p, metadata.ValueFromIncomingContext(ctx, ActingParty))
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, guestKey{}, &guest{p, rules.Caller{
		PrincipalID: p.GetPrincipalId(), Role: p.GetRole(), PartyID: party, AgreementIDs: p.GetAgreementIds(),
	}}), nil
}

// principal is who a secret belongs to.
func (d *Door) principal(ctx context.Context, credentials []string) (*pb.Principal, error) {
	if len(credentials) == 0 {
		return nil, rules.Refuse(pb.ErrorReason_ERROR_REASON_CREDENTIALS_MISSING, "Send an API key: authorization: Bearer <key>.")
	}
	scheme, secret, _ := strings.Cut(credentials[0], " ")
	id, ok := keyID(secret)
	inURL := strings.EqualFold(scheme, "feed")
	if len(credentials) > 1 || !strings.EqualFold(scheme, "bearer") && !inURL || !ok {
		return nil, invalidCredentials()
	}
	p, err := d.holder(ctx, id, secret)
	if err == nil && inURL && !rules.IsFeed(p.GetRole()) { // URLs are kept in many places: no other secret belongs there
		err = invalidCredentials()
	}
	return p, err
}

// holder is who the key with this id says they are, if this is its secret.
func (d *Door) holder(ctx context.Context, id, secret string) (*pb.Principal, error) {
	hash := journal.SecretHash(secret)
	version := d.journal.ServiceVersion() // before the key is read: a key revoked meanwhile is not remembered as good
	if p := d.remembered(version, hash); p != nil {
		return p, nil
	}
	key, err := d.journal.Key(ctx, id)
	if err != nil {
		return nil, err
	}
	if key == nil || subtle.ConstantTimeCompare(key.GetSecretHash(), hash) != 1 || key.GetApiKey().GetState() != pb.ApiKeyState_API_KEY_STATE_ACTIVE {
		return nil, invalidCredentials()
	}
	p := key.GetApiKey().GetPrincipal()
	d.remember(version, hash, p)
	return p, nil
}

func (d *Door) remembered(version uint64, hash []byte) *pb.Principal {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.version != version {
		return nil
	}
	return d.known[string(hash)]
}

func (d *Door) remember(version uint64, hash []byte, p *pb.Principal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.version != version || len(d.known) >= maxKnown {
		d.version, d.known = version, map[string]*pb.Principal{}
	}
	d.known[string(hash)] = p
}

// keyID is the id within a secret: "concord.", the id, a dot, the random part.
func keyID(secret string) (string, bool) {
	rest, ok := strings.CutPrefix(secret, journal.SecretPrefix)
	id, random, dot := strings.Cut(rest, ".")
	return id, ok && dot && id != "" && random != "" && len(secret) <= maxSecretBytes
}

// maxSecretBytes is more than any secret has; longer ones are not even hashed.
const maxSecretBytes = 256

func invalidCredentials() error {
	return rules.Refuse(pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID, "The API key is unknown, malformed or revoked.")
}

// actingParty is the party a call is made for.
func actingParty(p *pb.Principal, asked []string) (string, error) {
	may := p.GetServicePartyIds()
	if p.GetPartyId() != "" {
		may = []string{p.GetPartyId()}
	}
	switch {
	case len(asked) > 1:
		return "", rules.Refuse(pb.ErrorReason_ERROR_REASON_ACTING_PARTY_REQUIRED, "Name one party to act for in %s, not several.", ActingParty)
	case len(asked) == 1 && slices.Contains(may, asked[0]):
		return asked[0], nil
	case len(asked) == 1:
		return "", rules.Refuse(pb.ErrorReason_ERROR_REASON_ACTING_PARTY_REQUIRED, "This key does not act for party %q.", asked[0])
	case len(may) == 1:
		return may[0], nil
	case len(may) > 1:
		return "", rules.Refuse(pb.ErrorReason_ERROR_REASON_ACTING_PARTY_REQUIRED, "This key acts for several parties: say for which in %s.", ActingParty)
	}
	return "", nil
}

func roleWord(r pb.Role) string { return strings.TrimPrefix(r.String(), "ROLE_") }
