// Package assetroutes is what the REST API says of the library: named, versioned assets, their licence and consent.
package assetroutes

import (
	"context"
	"net/http"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Assets is the library.
type Assets interface {
	// List gives the assets with their newest version each.
	List(ctx context.Context, q client.AssetQuery) ([]client.Asset, error)
	Show(ctx context.Context, kind, name string) (client.Asset, error)
	// Add adds a version, by a person of that name.
	Add(ctx context.Context, kind, name string, n client.NewAssetVersion, by string) (client.Asset, error)
	// Change changes what is said of a version, or removes it when edit is nil.
	Change(ctx context.Context, kind, name string, number int, edit *client.AssetEdit, by string) (client.Asset, error)
}

// One names an asset.
type One struct {
	Kind string `path:"kind" enum:"voice,face,lora,style,prompt"`
	Name string `path:"name" maxLength:"64"`
}

// Version names one of its versions.
type Version struct {
	One
	Number int `path:"number" minimum:"1"`
}

const at = route.V1 + "assets"

// Add adds the routes to a server.
func Add(s *route.Server, a Assets) {
	route.JSON(s, route.Op{ID: "list-assets", Method: http.MethodGet, Path: at, Need: route.Viewer, Summary: "The assets of the library, with the newest version of each"}, func(ctx context.Context, in *struct {
		Kind string `query:"kind" enum:"voice,face,lora,style,prompt" doc:"Of this kind."`
		Q    string `query:"q" maxLength:"200" doc:"With this text in the name, the newest version's note or its licence."`
	}) (client.AssetList, error) {
		list, err := a.List(ctx, client.AssetQuery{Kind: in.Kind, Text: in.Q})
		return client.AssetList{Version: client.ShapeVersion, Assets: route.Some(list)}, err
	})
	route.JSON(s, route.Op{ID: "show-asset", Method: http.MethodGet, Path: at + "/{kind}/{name}", Need: route.Viewer, Summary: "An asset with all its versions"}, func(ctx context.Context, in *One) (client.Asset, error) {
		return a.Show(ctx, in.Kind, in.Name)
	})
	route.JSON(s, route.Op{ID: "add-asset", Method: http.MethodPost, Path: at + "/{kind}/{name}/versions", Need: route.Operator, Status: http.StatusCreated, Summary: "Add a version to an asset, or make the asset",
		Detail: "Of an artifact that the host has. Nothing is taken over from the version before, neither licence nor consent."}, func(ctx context.Context, in *struct {
		One
		Body client.NewAssetVersion
	}) (client.Asset, error) {
		return a.Add(ctx, in.Kind, in.Name, in.Body, route.CallerOf(ctx).User)
	})
	route.JSON(s, route.Op{ID: "edit-asset", Method: http.MethodPatch, Path: at + "/{kind}/{name}/versions/{number}", Need: route.Operator, Summary: "Change what is said of a version: note, licence, consent, thumbnail"}, func(ctx context.Context, in *struct {
		Version
		Body client.AssetEdit
	}) (client.Asset, error) {
		return a.Change(ctx, in.Kind, in.Name, in.Number, &in.Body, route.CallerOf(ctx).User)
	})
	route.JSON(s, route.Op{ID: "remove-asset", Method: http.MethodDelete, Path: at + "/{kind}/{name}/versions/{number}", Need: route.Operator, Summary: "Remove a version; runs that used it keep it"}, func(ctx context.Context, in *Version) (client.Asset, error) {
		return a.Change(ctx, in.Kind, in.Name, in.Number, nil, route.CallerOf(ctx).User)
	})
}
