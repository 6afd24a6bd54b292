package rules

import (
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Limits of what one key may name, so that a caller stays cheap to check.
const (
	MaxServiceParties    = 100
	MaxAuditorAgreements = 1000
)

// FirstKeyID is the id of the operator key that the first start makes.
const FirstKeyID = "key_operator"

func (d *Decision) firstKey() error {
	if d.State.Get(apiKeyRef(FirstKeyID)) != nil {
		return taken("key", FirstKeyID)
	}
	d.answerKey(d.issue(FirstKeyID, "operator, made by the first start", &pb.Principal{Role: pb.Role_ROLE_OPERATOR}))
	return nil
}

func (d *Decision) createApiKey(c *pb.CreateApiKeyRequest) error {
	var violations []Violation
	if v := checkName("api_key.display_name", c.GetApiKey().GetDisplayName()); v != nil {
		violations = append(violations, *v)
	}
	violations = append(violations, d.checkPrincipal(c.GetApiKey().GetPrincipal())...)
	if violations != nil {
		return Invalid(violations...)
	}
	id, refused := d.newID(c.GetApiKeyId(), "key_", "key", apiKeyRef)
	if refused != nil {
		return refused
	}
	d.answerKey(d.issue(id, c.GetApiKey().GetDisplayName(), proto.CloneOf(c.GetApiKey().GetPrincipal())))
	return nil
}

// issue makes a key and tells its secret.
func (d *Decision) issue(id, name string, p *pb.Principal) (key *pb.ApiKey, secret string) {
	p.PrincipalId = id
	secret, hash := d.stamp.NewSecret(id)
	d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_ApiKeyIssued{ApiKeyIssued: &pb.ApiKeyIssued{
		ApiKeyId: id, DisplayName: name, Principal: p, SecretHash: hash,
	}}})
	return get[*journalv1.StoredKey](d.State, apiKeyRef(id)).GetApiKey(), secret
}

// answerKey tells who made a key its secret, this once.
func (d *Decision) answerKey(key *pb.ApiKey, secret string) {
	d.Answer = &pb.CreateApiKeyResponse{ApiKey: key, Secret: secret}
	d.Remembered = &pb.CreateApiKeyResponse{ApiKey: key}
}

func (d *Decision) revokeApiKey(c *pb.RevokeApiKeyRequest) error {
	ref := apiKeyRef(c.GetApiKeyId())
	key := get[*journalv1.StoredKey](d.State, ref).GetApiKey()
	switch {
	case key == nil:
		return NotFound("key", c.GetApiKeyId())
	case c.GetApiKeyId() == d.stamp.By.PrincipalID:
		return Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, "A key cannot revoke itself: the door might stay closed for ever. Use another operator key.")
	}
	own := get[*journalv1.StoredKey](d.State, apiKeyRef(d.stamp.By.PrincipalID)).GetApiKey()
	if own.GetState() == pb.ApiKeyState_API_KEY_STATE_REVOKED { // while this command waited: two that revoke each other
		return Refuse(pb.ErrorReason_ERROR_REASON_CREDENTIALS_INVALID, "The API key is unknown, malformed or revoked.")
	}
	if e := d.matchEtag(key.GetEtag()); e != nil {
		return e
	}
	d.revoke(key)
	d.Answer = get[*journalv1.StoredKey](d.State, ref).GetApiKey()
	return nil
}

// revoke closes a key. Twice is as good as once.
func (d *Decision) revoke(key *pb.ApiKey) {
	if key.GetState() != pb.ApiKeyState_API_KEY_STATE_REVOKED {
		d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_ApiKeyRevoked{ApiKeyRevoked: &pb.ApiKeyRevoked{ApiKeyId: key.GetApiKeyId()}}})
	}
}

// checkPrincipal lists what is wrong with who a key is for.
func (d *Decision) checkPrincipal(p *pb.Principal) []Violation {
	const at = "api_key.principal."
	var wrong []Violation
	add := func(field, description string) { wrong = append(wrong, Violation{at + field, description}) }
	member, service, auditor := false, false, false
	switch p.GetRole() {
	case pb.Role_ROLE_VIEWER, pb.Role_ROLE_CONTRIBUTOR, pb.Role_ROLE_SIGNATORY:
		member = true
	case pb.Role_ROLE_SERVICE:
		service = true
	case pb.Role_ROLE_AUDITOR:
		auditor = true
	case pb.Role_ROLE_OPERATOR:
	default:
		add("role", "name one of the roles")
	}
	switch {
	case member && p.GetPartyId() == "":
		add("party_id", "a member belongs to a party: name it")
	case member && d.State.Get(partyRef(p.GetPartyId())) == nil:
		add("party_id", "there is no party \""+p.GetPartyId()+"\"")
	case !member && p.GetPartyId() != "":
		add("party_id", "only a VIEWER, CONTRIBUTOR or SIGNATORY belongs to a party")
	}
	switch n := len(p.GetServicePartyIds()); {
	case service && n == 0, service && n > MaxServiceParties:
		add("service_party_ids", "a SERVICE acts for 1 to 100 parties: name them")
	case !service && n > 0:
		add("service_party_ids", "only a SERVICE names the parties it acts for")
	case service:
		for _, id := range p.GetServicePartyIds() {
			if d.State.Get(partyRef(id)) == nil {
				add("service_party_ids", "there is no party \""+id+"\"")
			}
		}
	}
	switch n := len(p.GetAgreementIds()); {
	case auditor && n > MaxAuditorAgreements:
		add("agreement_ids", "an AUDITOR names at most 1,000 agreements; none means all")
	case !auditor && n > 0:
		add("agreement_ids", "only an AUDITOR is confined to agreements")
	}
	return wrong
}

func (s *State) apiKeyIssued(e *pb.Event, c *pb.ApiKeyIssued) {
	s.Put(apiKeyRef(c.GetApiKeyId()), &journalv1.StoredKey{
		ApiKey: &pb.ApiKey{
			ApiKeyId: c.GetApiKeyId(), DisplayName: c.GetDisplayName(), Principal: c.GetPrincipal(),
			State: pb.ApiKeyState_API_KEY_STATE_ACTIVE, CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
		},
		SecretHash: c.GetSecretHash(),
	})
}

func (s *State) apiKeyRevoked(e *pb.Event, c *pb.ApiKeyRevoked) {
	edit(s, apiKeyRef(c.GetApiKeyId()), func(k *journalv1.StoredKey) {
		k.ApiKey.State, k.ApiKey.UpdateTime, k.ApiKey.Etag = pb.ApiKeyState_API_KEY_STATE_REVOKED, e.GetRecordTime(), etag(e)
	})
}
