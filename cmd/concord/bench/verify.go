package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// verifiers is how many obligations are read at a time.
	verifiers = 64
	// maxMissing is how many missing commands are named; the rest is counted.
	maxMissing = 100
)

// Proof says whether a service still knows every command it acknowledged.
type Proof struct {
	// Acknowledged is how many commands the log holds, Obligations how many obligations they were on.
	Acknowledged int64 `json:"acknowledged"`
	Obligations  int   `json:"obligations"`
	// Lost is how many obligations are older than what was acknowledged of them; Missing says which and how, at most 100.
	Lost    int      `json:"lost"`
	Missing []string `json:"missing"`
}

// Verify reads every obligation of a log of acknowledged commands back. An operator may not read agreements: with an
// operator's key an auditor's is made for it, and revoked afterwards.
func Verify(ctx context.Context, c *client.Client, ackLog string) (*Proof, error) {
	f, err := os.Open(ackLog)
	if err != nil {
		return nil, fmt.Errorf("open the log of acknowledged commands: %w", err)
	}
	defer func() { _ = f.Close() }()
	acks, total, err := newest(f)
	if err != nil {
		return nil, err
	}
	reader, leave, err := auditor(ctx, c)
	if err != nil {
		return nil, err
	}
	defer leave()
	p := &Proof{Acknowledged: total, Obligations: len(acks), Missing: []string{}}
	list := make([]ack, 0, len(acks))
	for _, a := range acks {
		list = append(list, a)
	}
	var mu sync.Mutex
	err = spread(reader, verifiers, len(list), func(ctx context.Context, _, n int) error {
		missing, err := list[n].check(ctx, c)
		if err != nil || missing == "" {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if p.Lost++; len(p.Missing) < maxMissing {
			p.Missing = append(p.Missing, missing)
		}
		return nil
	})
	slices.Sort(p.Missing)
	return p, err
}

// check reads one obligation and says what is missing of what was acknowledged; nothing if it is all there.
func (a ack) check(ctx context.Context, c *client.Client) (missing string, err error) {
	o, err := c.Obligations.GetObligation(ctx, &pb.GetObligationRequest{AgreementId: a.agreement, ObligationId: a.obligation})
	if client.Reason(err) == "NOT_FOUND" {
		return fmt.Sprintf("%s %s: acknowledged at version %s, and not there", a.agreement, a.obligation, a.etag), nil
	}
	if err != nil {
		return "", err
	}
	now := ack{a.agreement, a.obligation, o.GetEtag(), stateWord(o)}
	told, err := a.version()
	if err != nil {
		return "", err
	}
	is, err := now.version()
	if err != nil {
		return "", err
	}
	if is < told || is == told && now.state != a.state {
		return fmt.Sprintf("%s %s: acknowledged %s at version %s, and is %s at %s",
			a.agreement, a.obligation, a.state, a.etag, now.state, now.etag), nil
	}
	return "", nil
}

// auditor returns a context in which calls may read every agreement in the log, and how to end that.
func auditor(ctx context.Context, c *client.Client) (context.Context, func(), error) {
	p, err := c.Admin.GetCaller(ctx, &pb.GetCallerRequest{})
	if err != nil {
		return nil, nil, err
	}
	if p.GetRole() != pb.Role_ROLE_OPERATOR {
		return ctx, func() {}, nil
	}
	made, err := c.Admin.CreateApiKey(ctx, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{
		DisplayName: "Benchmark verification", Principal: &pb.Principal{Role: pb.Role_ROLE_AUDITOR},
	}})
	if err != nil {
		return nil, nil, err
	}
	return client.WithKey(ctx, made.GetSecret()), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		_, _ = c.Admin.RevokeApiKey(ctx, &pb.RevokeApiKeyRequest{ApiKeyId: made.GetApiKey().GetApiKeyId()})
	}, nil
}

// Print writes the proof for people.
func (p *Proof) Print(to io.Writer) error {
	fmt.Fprintf(to, "%d acknowledged commands on %d obligations; %d lost\n", p.Acknowledged, p.Obligations, p.Lost)
	for _, m := range p.Missing {
		if _, err := fmt.Fprintf(to, "  %s\n", m); err != nil {
			return fmt.Errorf("write the proof: %w", err)
		}
	}
	return nil
}
