package client

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errStuck is what Pages ends with when a list would never end.
var errStuck = errors.New("the list's next page is the page itself")

// ListRequest is a request for a page, such as *ListPartiesRequest.
type ListRequest interface {
	proto.Message
	GetPageToken() string
}

// ListResponse is a page, such as *ListPartiesResponse.
type ListResponse interface {
	GetNextPageToken() string
}

// Pages walks a list to its end, asking for a page when the one before is used up. It starts at the request's own page
// token and leaves the request as it is. An error is yielded last, with the zero item.
//
//	for party, err := range client.Pages(ctx, c.Parties.ListParties, &pb.ListPartiesRequest{}, (*pb.ListPartiesResponse).GetParties) {
//
// ctx is for the whole walk. A deadline of its own is given to each page.
func Pages[Req ListRequest, Res ListResponse, Item any](
	ctx context.Context,
	list func(context.Context, Req, ...grpc.CallOption) (Res, error),
	request Req,
	items func(Res) []Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var none Item
		next := proto.Clone(request).(Req)
		token := next.ProtoReflect().Descriptor().Fields().ByName("page_token")
		for {
			page, err := list(ctx, next)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items(page) {
				if !yield(item, nil) {
					return
				}
			}
			switch page.GetNextPageToken() {
			case "":
				return
			case next.GetPageToken():
				yield(none, errStuck)
				return
			}
			next.ProtoReflect().Set(token, protoreflect.ValueOfString(page.GetNextPageToken()))
		}
	}
}
