# Server-side apply: a client sends the fields it cares for. What is not there yet is created.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=ana
Content-Type: application/apply-patch+yaml
show: spec.replicas metadata.managedFields
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]
        env: [{name: TZ, value: UTC}]
=> 201 Created
metadata.managedFields:
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:metadata:
      f:labels:
        f:app: {}
    f:spec:
      f:replicas: {}
      f:selector: {}
      f:template:
        f:metadata:
          f:labels:
            f:app: {}
        f:spec:
          f:containers:
            k:{"name":"web"}:
              .: {}
              f:env:
                k:{"name":"TZ"}:
                  .: {}
                  f:name: {}
                  f:value: {}
              f:image: {}
              f:name: {}
              f:ports:
                k:{"containerPort":80,"protocol":"TCP"}:
                  .: {}
                  f:containerPort: {}
                k:{"containerPort":80,"protocol":"UDP"}:
                  .: {}
                  f:containerPort: {}
                  f:protocol: {}
  manager: ana
  operation: Apply
  time: TIME
spec.replicas: 2

# The same again changes nothing, not even the time.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=ana
Content-Type: application/apply-patch+yaml
show: metadata.resourceVersion metadata.generation
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"app": "web"}}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}], "env": [{"name": "TZ", "value": "UTC"}]}]}}}}
=> 200 OK
metadata.generation: 1
metadata.resourceVersion: "2"

# Another client has its own part of the same lists: elements are known by their keys.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=bob
Content-Type: application/apply-patch+yaml
show: spec.template.spec.containers metadata.generation
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      containers:
      - {name: web, env: [{name: LANG, value: C}], ports: [{containerPort: 81}]}
      - {name: log, image: log:1}
=> 200 OK
metadata.generation: 2
spec.template.spec.containers:
- env:
  - name: TZ
    value: UTC
  - name: LANG
    value: C
  image: web:1
  imagePullPolicy: IfNotPresent
  name: web
  ports:
  - containerPort: 80
    protocol: TCP
  - containerPort: 80
    protocol: UDP
  - containerPort: 81
    protocol: TCP
  resources: {}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
- image: log:1
  imagePullPolicy: IfNotPresent
  name: log
  resources: {}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File

# What somebody else has set otherwise is a conflict, with a cause for each field.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=bob
Content-Type: application/apply-patch+yaml
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 3
  template: {spec: {containers: [{name: web, image: web:2}]}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  causes:
  - field: .spec.replicas
    message: conflict with "ana"
    reason: FieldManagerConflict
  - field: .spec.template.spec.containers[name="web"].image
    message: conflict with "ana"
    reason: FieldManagerConflict
kind: Status
message: |-
  Apply failed with 2 conflicts: conflicts with "ana":
  - .spec.replicas
  - .spec.template.spec.containers[name="web"].image
metadata: {}
reason: Conflict
status: Failure

# Two may say the same. It is theirs together.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=bob
Content-Type: application/apply-patch+yaml
show: spec.replicas
{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}}
=> 200 OK
spec.replicas: 2

# What bob no longer mentions is gone, unless it is also somebody else's.
GET /apis/apps/v1/namespaces/default/deployments/web
show: spec.replicas spec.template.spec.containers
=> 200 OK
spec.replicas: 2
spec.template.spec.containers:
- env:
  - name: TZ
    value: UTC
  image: web:1
  imagePullPolicy: IfNotPresent
  name: web
  ports:
  - containerPort: 80
    protocol: TCP
  - containerPort: 80
    protocol: UDP
  resources: {}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File

# With force, bob takes over; ana does not own it any more.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=bob&force=true
Content-Type: application/apply-patch+yaml
show: spec.replicas metadata.managedFields
{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}}
=> 200 OK
metadata.managedFields:
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:metadata:
      f:labels:
        f:app: {}
    f:spec:
      f:selector: {}
      f:template:
        f:metadata:
          f:labels:
            f:app: {}
        f:spec:
          f:containers:
            k:{"name":"web"}:
              .: {}
              f:env:
                k:{"name":"TZ"}:
                  .: {}
                  f:name: {}
                  f:value: {}
              f:image: {}
              f:name: {}
              f:ports:
                k:{"containerPort":80,"protocol":"TCP"}:
                  .: {}
                  f:containerPort: {}
                k:{"containerPort":80,"protocol":"UDP"}:
                  .: {}
                  f:containerPort: {}
                  f:protocol: {}
  manager: ana
  operation: Apply
  time: TIME
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:replicas: {}
  manager: bob
  operation: Apply
  time: TIME
spec.replicas: 3

# Any other write takes over without asking, under the name of the program.
PUT /apis/apps/v1/namespaces/default/deployments/web/scale
User-Agent: scaler/v1 (linux)
show: spec.replicas
{"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}}
=> 200 OK
spec.replicas: 4

# A scale can be applied, too. Its owner is kept apart by the name of the path.
PATCH /apis/apps/v1/namespaces/default/deployments/web/scale?fieldManager=cid
Content-Type: application/apply-patch+yaml
{"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 5}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  causes:
  - field: .spec.replicas
    message: conflict with "scaler" with subresource "scale" using apps/v1
    reason: FieldManagerConflict
kind: Status
message: 'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale"
  using apps/v1: .spec.replicas'
metadata: {}
reason: Conflict
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web/scale?fieldManager=cid&force=true
Content-Type: application/apply-patch+yaml
show: spec.replicas
{"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 5}}
=> 200 OK
spec.replicas: 5

# The status has owners of its own. An apply of the whole object does not own the status it mentions,
# and one of the status nothing else.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=dan
Content-Type: application/apply-patch+yaml
show: status.replicas
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"annotations": {"note": "hi"}}, "status": {"replicas": 9}}
=> 200 OK
status.replicas: null

PATCH /apis/apps/v1/namespaces/default/deployments/web/status?fieldManager=dan
Content-Type: application/apply-patch+yaml
show: status spec.replicas metadata.managedFields
apiVersion: apps/v1
kind: Deployment
spec: {replicas: 7}
status: {replicas: 1, conditions: [{type: Available, status: "True"}]}
=> 200 OK
metadata.managedFields:
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:metadata:
      f:labels:
        f:app: {}
    f:spec:
      f:selector: {}
      f:template:
        f:metadata:
          f:labels:
            f:app: {}
        f:spec:
          f:containers:
            k:{"name":"web"}:
              .: {}
              f:env:
                k:{"name":"TZ"}:
                  .: {}
                  f:name: {}
                  f:value: {}
              f:image: {}
              f:name: {}
              f:ports:
                k:{"containerPort":80,"protocol":"TCP"}:
                  .: {}
                  f:containerPort: {}
                k:{"containerPort":80,"protocol":"UDP"}:
                  .: {}
                  f:containerPort: {}
                  f:protocol: {}
  manager: ana
  operation: Apply
  time: TIME
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:replicas: {}
  manager: cid
  operation: Apply
  subresource: scale
  time: TIME
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:metadata:
      f:annotations:
        f:note: {}
  manager: dan
  operation: Apply
  time: TIME
- apiVersion: apps/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:status:
      f:conditions:
        k:{"type":"Available"}:
          .: {}
          f:status: {}
          f:type: {}
      f:replicas: {}
  manager: dan
  operation: Apply
  subresource: status
  time: TIME
spec.replicas: 5
status:
  conditions:
  - lastTransitionTime: null
    lastUpdateTime: null
    status: "True"
    type: Available
  replicas: 1

# An applier that wants to be nobody's manager applies nothing.
PATCH /apis/apps/v1/namespaces/default/deployments/web/status?fieldManager=dan
Content-Type: application/apply-patch+yaml
show: status
{"apiVersion": "apps/v1", "kind": "Deployment"}
=> 200 OK
status: {}

# One empty entry forgets who manages what.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/merge-patch+json
show: metadata.managedFields
{"metadata": {"managedFields": [{}]}}
=> 200 OK
metadata.managedFields: null

# Whose fields are not known belong to before-first-apply.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=eve
Content-Type: application/apply-patch+yaml
{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  causes:
  - field: .spec.replicas
    message: conflict with "before-first-apply" using apps/v1
    reason: FieldManagerConflict
kind: Status
message: 'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1:
  .spec.replicas'
metadata: {}
reason: Conflict
status: Failure

# Without a manager nothing can be applied, and force is for applying.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/apply-patch+yaml
{"apiVersion": "apps/v1", "kind": "Deployment"}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: fieldManager
    message: 'Required value: is required for apply patch'
    reason: FieldValueRequired
  group: meta.k8s.io
  kind: PatchOptions
kind: Status
message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is
  required for apply patch'
metadata: {}
reason: Invalid
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web?force=true
Content-Type: application/merge-patch+json
{}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: force
    message: 'Forbidden: may not be specified for non-apply patch'
    reason: FieldValueForbidden
  group: meta.k8s.io
  kind: PatchOptions
kind: Status
message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified
  for non-apply patch'
metadata: {}
reason: Invalid
status: Failure

# Unknown fields can have no owner.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=eve
Content-Type: application/apply-patch+yaml
{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicaz": 1}}
=> 500 Internal Server Error
apiVersion: v1
code: 500
kind: Status
message: 'failed to create typed patch object (/; apps/v1, Kind=Deployment): .spec.replicaz:
  field not declared in schema'
metadata: {}
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=eve&fieldValidation=Strict
Content-Type: application/apply-patch+yaml
apiVersion: apps/v1
kind: Deployment
spec:
  paused: true
  paused: false
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: |-
  error strict decoding patch: yaml: unmarshal errors:
    line 5: key "paused" already set in map
metadata: {}
reason: BadRequest
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=eve&dryRun=All
Content-Type: application/apply-patch+yaml
show: spec.paused
apiVersion: apps/v1
kind: Deployment
spec:
  paused: true
  paused: true
=> 200 OK
Warning: 299 - "line 5: key \"paused\" already set in map"
spec.paused: true

GET /apis/apps/v1/namespaces/default/deployments/web
show: spec.paused metadata.managedFields
=> 200 OK
metadata.managedFields: null
spec.paused: null

# An apply must name its kind and no managers.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=eve
Content-Type: application/apply-patch+yaml
spec: {replicas: 6}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'invalid object type: /, Kind='
metadata: {}
reason: BadRequest
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=eve
Content-Type: application/apply-patch+yaml
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"managedFields": [{"manager": "ana"}]}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: metadata.managedFields must be nil
metadata: {}
reason: BadRequest
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/gone?fieldManager=eve
Content-Type: application/apply-patch+yaml
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"uid": "11111111-2222-3333-4444-555555555555"}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  group: apps
  kind: deployments
  name: gone
kind: Status
message: 'Operation cannot be fulfilled on deployments.apps "gone": uid mismatch:
  the provided object specified uid UID, and no existing
  object was found'
metadata: {}
reason: Conflict
status: Failure

# A key that is left out is an empty one, and then found to be missing.
PATCH /apis/apps/v1/namespaces/default/deployments/keyless?fieldManager=a
Content-Type: application/apply-patch+yaml
show: code reason message
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "keyless"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": "i"}]}}}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.template.spec.containers[0].name
    message: Required value
    reason: FieldValueRequired
  group: apps
  kind: Deployment
  name: keyless
kind: Status
message: 'Deployment.apps "keyless" is invalid: spec.template.spec.containers[0].name:
  Required value'
metadata: {}
reason: Invalid
status: Failure
