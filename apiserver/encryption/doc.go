// Package encryption reads which objects an API server encrypts in its store, and with
// which keys, from the file that kube-apiserver takes as
// --encryption-provider-config:
//
//	apiVersion: apiserver.config.k8s.io/v1
//	kind: EncryptionConfiguration
//	resources:
//	- resources: [secrets, "*.example.com"]
//	  providers:
//	  - aesgcm: {keys: [{name: key2, secret: ...}, {name: key1, secret: ...}]}
//	  - identity: {}
//
// The first key of the first provider writes; all of them read. What an object is
// called becomes where it is kept, and so the file becomes rules for package
// store/sealed, which encrypts:
//
//	secrets          /registry/secrets/
//	deployments.apps /registry/deployments/
//	*.               those of all kinds of the core group
//	*.example.com    /registry/example.com/ and those of built-in kinds of the group
//	*.*              /registry/, without what kube-apiserver never encrypts
//
// # Rotation
//
// Put the new key first, leave the old one behind it, and have the server read the
// file ([Encryption.Run] does so by itself, if told to; else restart it). Write all
// objects anew: kubectl get secrets -A -o json | kubectl replace -f -. An update that changes
// nothing writes all the same if the object is not encrypted by the first key. Then
// take the old key away.
//
// # In Kubernetes
//
// The format of the file and of what is stored are the same, so both read what the
// other has written. There are also the providers aescbc, which does not notice when
// a value was tampered with, and kms, which asks a program for keys; both are refused
// here. A resource that does not exist is an error here if it is of the core group.
//
// # Reading order
//
// config.go, rules.go, reload.go.
package encryption
