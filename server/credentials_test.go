package server_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/servertest"
)

func TestNobodyIsAnonymous(t *testing.T) {
	battery(t, func(t *testing.T, s *stage, face servertest.Face, rpc servertest.RPC, ready proto.Message) {
		key := s.maker(rpc).Key
		_, refusal := face.Call(t, servertest.Caller{}, ready)
		refused(t, "no key", refusal, "CREDENTIALS_MISSING")

		last := key[len(key)-1]
		turned := byte('A')
		if last == 'A' {
			turned = 'Q'
		}
		for name, header := range map[string]string{
			"no scheme": key, "another scheme": "Basic " + key, "no secret": "Bearer", "an empty secret": "Bearer ",
			"a cut key": "Bearer " + key[:len(key)-1], "one character more": "Bearer " + key + "A", "one character off": "Bearer " + key[:len(key)-1] + string(turned),
			"the id of a key alone": "Bearer concord.key_spare", "an empty id": "Bearer concord..abc", "an empty random part": "Bearer concord.key_spare.",
			"another prefix": "Bearer " + strings.Replace(key, "concord.", "discord.", 1), "the secret for another id": "Bearer concord.key_spare." + key[strings.LastIndex(key, ".")+1:],
			"a path for an id": "Bearer concord.../../x.abc", "a long key": "Bearer concord.k." + strings.Repeat("A", 8000), "two spaces": "Bearer  " + key, "a key and more": "Bearer " + key + " x",
		} {
			_, refusal := face.Call(t, servertest.Caller{}.With("authorization", header), ready)
			refused(t, name, refusal, "CREDENTIALS_INVALID")
		}
		// Of two credentials, two parts of a system could believe different ones.
		_, refusal = face.Call(t, s.maker(rpc).With("authorization", "Bearer "+s.globex.Key), ready)
		refused(t, "two credentials", refusal, "CREDENTIALS_INVALID", "MALFORMED_REQUEST")
		_, refusal = face.Call(t, s.maker(rpc).With("authorization", "Bearer "+key), ready)
		refused(t, "the same twice", refusal, "CREDENTIALS_INVALID", "MALFORMED_REQUEST")
	})
}

// A key that was good a moment ago, and is remembered as good, is closed by the answer to its revocation.
func TestARevokedKeyIsClosedAtOnce(t *testing.T) {
	s := setStage(t, servertest.Options{})
	for _, revokes := range s.Faces() {
		for _, uses := range s.Faces() {
			for range 20 {
				made := s.GRPC().Must(t, s.operator, &pb.CreateApiKeyRequest{ApiKey: &pb.ApiKey{DisplayName: "short", Principal: &pb.Principal{Role: viewer, PartyId: acme}}}).(*pb.CreateApiKeyResponse)
				who := servertest.Caller{Key: made.GetSecret()}
				uses.Must(t, who, &pb.GetCallerRequest{})
				uses.Must(t, who, &pb.GetAgreementRequest{AgreementId: "running"})
				revokes.Must(t, s.operator, &pb.RevokeApiKeyRequest{ApiKeyId: made.GetApiKey().GetApiKeyId()})
				_, refusal := uses.Call(t, who, &pb.GetCallerRequest{})
				refused(t, revokes.Name()+" then "+uses.Name(), refusal, "CREDENTIALS_INVALID")
			}
		}
	}
	stranger, refusal := s.GRPC().Call(t, s.operator, &pb.RevokeApiKeyRequest{ApiKeyId: "key_operator"})
	if refused(t, "a key that revokes itself", refusal, "RULE_REFUSED"); stranger != nil {
		t.Error("the operator's only key is gone")
	}
}

// A service that acts for several parties says for which; others cannot borrow one.
func TestAServiceSaysForWhom(t *testing.T) {
	s := setStage(t, servertest.Options{})
	both := s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{acme, globex}})
	one := s.Key(t, &pb.Principal{Role: service, ServicePartyIds: []string{acme}})
	read := &pb.GetAgreementRequest{AgreementId: "draft"}
	for _, face := range s.Faces() {
		for name, who := range map[string]servertest.Caller{
			"several, none named": both, "several, another named": {Key: both.Key, Party: initech}, "several, two named": {Key: both.Key, Party: acme, Header: map[string][]string{"concord-party": {globex}}},
			"one, another named": {Key: one.Key, Party: globex}, "a member for another": {Key: s.acme.Key, Party: globex}, "the operator for one": {Key: s.operator.Key, Party: acme},
		} {
			req := proto.Message(read)
			if who.Key == s.operator.Key {
				req = &pb.GetPartyRequest{PartyId: acme}
			}
			_, refusal := face.Call(t, who, req)
			refused(t, face.Name()+": "+name, refusal, "ACTING_PARTY_REQUIRED", "MALFORMED_REQUEST")
		}
		for _, who := range []servertest.Caller{one, {Key: one.Key, Party: acme}, {Key: both.Key, Party: acme}, {Key: s.acme.Key, Party: acme}} {
			face.Must(t, who, read)
		}
		_, refusal := face.Call(t, servertest.Caller{Key: both.Key, Party: globex}, read)
		refused(t, "the other side's draft", refusal, "NOT_FOUND")
	}
}
