POST /api/v1/namespaces/default/configmaps
show: metadata.resourceVersion
{"metadata": {"name": "a"}, "data": {"k": "1"}}
=> 201 Created
metadata.resourceVersion: "2"

# An update that names the state it replaces.
PUT /api/v1/namespaces/default/configmaps/a
show: metadata.resourceVersion data
{"metadata": {"name": "a", "resourceVersion": "2"}, "data": {"k": "2"}}
=> 200 OK
data:
  k: "2"
metadata.resourceVersion: "3"

# The same again comes too late.
PUT /api/v1/namespaces/default/configmaps/a
{"metadata": {"name": "a", "resourceVersion": "2"}, "data": {"k": "3"}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  kind: configmaps
  name: a
kind: Status
message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified;
  please apply your changes to the latest version and try again'
metadata: {}
reason: Conflict
status: Failure

# Without a revision the last writer wins.
PUT /api/v1/namespaces/default/configmaps/a
show: metadata.resourceVersion data
{"metadata": {"name": "a"}, "data": {"k": "4"}}
=> 200 OK
data:
  k: "4"
metadata.resourceVersion: "4"

# Writing what is there already writes nothing: the revision stays.
PUT /api/v1/namespaces/default/configmaps/a
show: metadata.resourceVersion data
{"metadata": {"name": "a"}, "data": {"k": "4"}}
=> 200 OK
data:
  k: "4"
metadata.resourceVersion: "4"

# The URL and the object must agree.
PUT /api/v1/namespaces/default/configmaps/a
{"metadata": {"name": "b"}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: the name of the object (b) does not match the name on the URL (a)
metadata: {}
reason: BadRequest
status: Failure

# Another object of the same name is another object.
PUT /api/v1/namespaces/default/configmaps/a
show: reason code
{"metadata": {"name": "a", "uid": "not-this-one"}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  kind: configmaps
  name: a
kind: Status
message: 'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object,
  Code: 4, Key: /registry/configmaps/default/a, ResourceVersion: 0, AdditionalErrorMsg:
  Precondition failed: UID in precondition: not-this-one, UID in object meta: UID'
metadata: {}
reason: Conflict
status: Failure

# What is not there cannot be replaced.
PUT /api/v1/namespaces/default/configmaps/nobody
{"metadata": {"name": "nobody"}}
=> 404 Not Found
apiVersion: v1
code: 404
details:
  kind: configmaps
  name: nobody
kind: Status
message: configmaps "nobody" not found
metadata: {}
reason: NotFound
status: Failure

# Some kinds are created by a PUT, such as leases.
PUT /apis/coordination.k8s.io/v1/namespaces/default/leases/lock
show: metadata.name metadata.resourceVersion
{"metadata": {"name": "lock"}, "spec": {"holderIdentity": "me"}}
=> 201 Created
metadata.name: lock
metadata.resourceVersion: "5"

# A dry run.
PUT /api/v1/namespaces/default/configmaps/a?dryRun=All
show: metadata.resourceVersion data
{"metadata": {"name": "a"}, "data": {"k": "5"}}
=> 200 OK
data:
  k: "5"
metadata.resourceVersion: "4"

GET /api/v1/namespaces/default/configmaps/a
show: metadata.resourceVersion data
=> 200 OK
data:
  k: "4"
metadata.resourceVersion: "4"

# A deployment's generation counts what is wanted of it,
POST /apis/apps/v1/namespaces/default/deployments
show: metadata.generation spec.replicas status
{"metadata": {"name": "web", "generation": 9}, "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}, "status": {"replicas": 7}}
=> 201 Created
metadata.generation: 1
spec.replicas: 2
status: {}

PATCH /apis/apps/v1/namespaces/default/deployments/web
show: metadata.generation spec.replicas status
{"spec": {"replicas": 3}, "status": {"replicas": 7}}
=> 200 OK
metadata.generation: 2
spec.replicas: 3
status: {}

# not its labels,
PATCH /apis/apps/v1/namespaces/default/deployments/web
show: metadata.generation metadata.labels
{"metadata": {"labels": {"a": "b"}}}
=> 200 OK
metadata.generation: 2
metadata.labels:
  a: b

# and not its status, which has a path of its own, where nothing else changes.
PATCH /apis/apps/v1/namespaces/default/deployments/web/status
show: metadata.generation spec.replicas status
{"spec": {"replicas": 100}, "status": {"replicas": 3, "observedGeneration": 2}}
=> 200 OK
metadata.generation: 2
spec.replicas: 3
status:
  observedGeneration: 2
  replicas: 3

# Scale is the wanted number, in a form that all kinds share.
GET /apis/apps/v1/namespaces/default/deployments/web/scale
=> 200 OK
apiVersion: autoscaling/v1
kind: Scale
metadata:
  creationTimestamp: TIME
  name: web
  namespace: default
  resourceVersion: "9"
  uid: UID
spec:
  replicas: 3
status:
  replicas: 3
  selector: a=b

PUT /apis/apps/v1/namespaces/default/deployments/web/scale
show: spec.replicas
{"metadata": {"name": "web"}, "spec": {"replicas": 5}}
=> 200 OK
spec.replicas: 5

PATCH /apis/apps/v1/namespaces/default/deployments/web/scale
{"spec": {"replicas": -1}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.replicas
    message: 'Invalid value: -1: must be greater than or equal to 0'
    reason: FieldValueInvalid
  group: autoscaling
  kind: Scale
  name: web
kind: Status
message: 'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must
  be greater than or equal to 0'
metadata: {}
reason: Invalid
status: Failure

GET /apis/apps/v1/namespaces/default/deployments/web
show: metadata.generation spec.replicas status
=> 200 OK
metadata.generation: 3
spec.replicas: 5
status:
  observedGeneration: 2
  replicas: 3
