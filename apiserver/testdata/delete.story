# What nothing holds is gone at once.
POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "a"}}
=> 201 Created

DELETE /api/v1/namespaces/default/configmaps/a
=> 200 OK
apiVersion: v1
details:
  kind: configmaps
  name: a
  uid: UID
kind: Status
metadata: {}
status: Success

DELETE /api/v1/namespaces/default/configmaps/a
=> 404 Not Found
apiVersion: v1
code: 404
details:
  kind: configmaps
  name: a
kind: Status
message: configmaps "a" not found
metadata: {}
reason: NotFound
status: Failure

# A finalizer holds an object until somebody takes it away.
POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "held", "finalizers": ["example.org/wait"]}}
=> 201 Created

DELETE /api/v1/namespaces/default/configmaps/held
show: metadata.deletionTimestamp metadata.finalizers
=> 200 OK
metadata.deletionTimestamp: TIME
metadata.finalizers:
- example.org/wait

# Others cannot be added any more.
PATCH /api/v1/namespaces/default/configmaps/held
{"metadata": {"finalizers": ["example.org/wait", "example.org/more"]}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: metadata.finalizers
    message: 'Forbidden: no new finalizers can be added if the object is being deleted,
      found new finalizers []string{"example.org/more"}'
    reason: FieldValueForbidden
  kind: ConfigMap
  name: held
kind: Status
message: 'ConfigMap "held" is invalid: metadata.finalizers: Forbidden: no new finalizers
  can be added if the object is being deleted, found new finalizers []string{"example.org/more"}'
metadata: {}
reason: Invalid
status: Failure

PATCH /api/v1/namespaces/default/configmaps/held
show: metadata.finalizers
{"metadata": {"finalizers": null}}
=> 200 OK
metadata.finalizers: null

GET /api/v1/namespaces/default/configmaps/held
=> 404 Not Found
apiVersion: v1
code: 404
details:
  kind: configmaps
  name: held
kind: Status
message: configmaps "held" not found
metadata: {}
reason: NotFound
status: Failure

# How dependents are dealt with is noted as a finalizer, for the garbage collector.
POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "owner"}}
=> 201 Created

DELETE /api/v1/namespaces/default/configmaps/owner?propagationPolicy=Foreground
show: metadata.finalizers
=> 200 OK
metadata.finalizers:
- foregroundDeletion

DELETE /api/v1/namespaces/default/configmaps/owner
show: metadata.finalizers
{"propagationPolicy": "Orphan"}
=> 200 OK
metadata.finalizers:
- orphan

DELETE /api/v1/namespaces/default/configmaps/owner?propagationPolicy=Background
show: status
=> 200 OK
status: Success

DELETE /api/v1/namespaces/default/configmaps/owner?propagationPolicy=Sideways
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: propagationPolicy
    message: 'Unsupported value: "Sideways": supported values: "Foreground", "Background",
      "Orphan", "nil"'
    reason: FieldValueNotSupported
  group: meta.k8s.io
  kind: DeleteOptions
kind: Status
message: 'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported
  value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"'
metadata: {}
reason: Invalid
status: Failure

# A pod that runs on a node gets time to stop: 30 s unless it says otherwise.
POST /api/v1/namespaces/default/pods
show: metadata.generation
{"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}}
=> 201 Created
metadata.generation: 1

DELETE /api/v1/namespaces/default/pods/p
show: metadata.deletionGracePeriodSeconds metadata.generation
=> 200 OK
metadata.deletionGracePeriodSeconds: 30
metadata.generation: 2

# It can be made quicker,
DELETE /api/v1/namespaces/default/pods/p?gracePeriodSeconds=5
show: metadata.deletionGracePeriodSeconds metadata.generation
=> 200 OK
metadata.deletionGracePeriodSeconds: 5
metadata.generation: 2

# but not slower.
DELETE /api/v1/namespaces/default/pods/p?gracePeriodSeconds=60
show: metadata.deletionGracePeriodSeconds
=> 200 OK
metadata.deletionGracePeriodSeconds: 5

# The kubelet says when it is over. It means this pod, not the next of the name.
DELETE /api/v1/namespaces/default/pods/p
show: reason code
{"gracePeriodSeconds": 0, "preconditions": {"uid": "another"}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  kind: Pod
  name: p
kind: Status
message: 'Operation cannot be fulfilled on Pod "p": the UID in the precondition (another)
  does not match the UID in record (UID). The object
  might have been deleted and then recreated'
metadata: {}
reason: Conflict
status: Failure

DELETE /api/v1/namespaces/default/pods/p
show: kind metadata.name
{"gracePeriodSeconds": 0}
=> 200 OK
kind: Pod
metadata.name: p

# A namespace is held by its spec, and by nothing else.
POST /api/v1/namespaces
show: spec status
{"metadata": {"name": "shop"}}
=> 201 Created
spec:
  finalizers:
  - kubernetes
status:
  phase: Active

DELETE /api/v1/namespaces/shop
show: spec status
=> 200 OK
spec:
  finalizers:
  - kubernetes
status:
  phase: Terminating

PUT /api/v1/namespaces/shop
show: spec status
{"metadata": {"name": "shop"}, "spec": {"finalizers": []}}
=> 200 OK
spec:
  finalizers:
  - kubernetes
status:
  phase: Terminating

PUT /api/v1/namespaces/shop/finalize
show: spec status
{"metadata": {"name": "shop"}, "spec": {"finalizers": []}}
=> 200 OK
spec: {}
status:
  phase: Terminating

GET /api/v1/namespaces/shop
=> 404 Not Found
apiVersion: v1
code: 404
details:
  kind: namespaces
  name: shop
kind: Status
message: namespaces "shop" not found
metadata: {}
reason: NotFound
status: Failure

# Many at once.
POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "b", "labels": {"group": "1"}}}
=> 201 Created

POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "c", "labels": {"group": "2"}}}
=> 201 Created

DELETE /api/v1/namespaces/default/configmaps?labelSelector=group%3D1&dryRun=All
show: names
=> 200 OK
names:
- b

DELETE /api/v1/namespaces/default/configmaps?labelSelector=group%3D1
show: names
=> 200 OK
names:
- b

GET /api/v1/configmaps
show: names
=> 200 OK
names:
- c

DELETE /api/v1/namespaces
=> 405 Method Not Allowed
apiVersion: v1
code: 405
details: {}
kind: Status
message: the server does not allow this method on the requested resource
metadata: {}
reason: MethodNotAllowed
status: Failure
