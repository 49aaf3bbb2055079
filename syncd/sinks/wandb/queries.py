"""The GraphQL that the sink speaks; operations and fields are those of the client, wandb 0.31."""

VIEWER = """
query Viewer {
  viewer { entity username teams { edges { node { name } } } }
}
"""

SERVER = """
query ServerInfo {
  serverInfo { cliVersionInfo latestLocalVersionInfo { versionOnThisInstanceString } }
}
"""

RUN = """
query Run($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { id name state config tags }
  }
}
"""

SUMMARY = """
query RunSummary($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { summaryMetrics historyKeys } }
}
"""

HISTORY = """
query HistoryPage($entity: String!, $project: String!, $run: String!,
                  $minStep: Int64!, $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}
"""

EVENTS = """
query RunEvents($entity: String!, $project: String!, $name: String!, $samples: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { eventsLineCount events(samples: $samples) }
  }
}
"""

LINES = """
query RunConsoleLogPage($entity: String!, $project: String!, $name: String!, $first: Int,
                        $after: String) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      logLines(first: $first, after: $after, useImprovedPagination: true) {
        edges { node { line } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}
"""

FILES = """
query RunFiles($entity: String!, $project: String!, $name: String!, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      files(after: $after, first: $first) {
        edges { node { name directUrl } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}
"""

UPSERT = """
mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String,
                      $groupName: String, $displayName: String, $notes: String, $host: String,
                      $program: String, $commit: String, $repo: String, $jobType: String,
                      $config: JSONString, $state: String, $tags: [String!]) {
  upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity,
                       groupName: $groupName, displayName: $displayName, notes: $notes,
                       host: $host, jobProgram: $program, commit: $commit, jobRepo: $repo,
                       jobType: $jobType, config: $config, state: $state, tags: $tags}) {
    bucket { id name state config tags }
    inserted
  }
}
"""

CREATE_FILES = """
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run,
                         files: $files}) {
    uploadHeaders
    files { name uploadUrl }
  }
}
"""

VERSION = """
query Version($entity: String!, $project: String!, $name: String!, $alias: String!) {
  project(name: $project, entityName: $entity) {
    artifactCollection(name: $name) {
      defaultArtifactType { name }
      artifactMembership(aliasName: $alias) {
        versionIndex
        artifact { id state aliases { alias artifactCollection { name } } }
      }
    }
  }
}
"""

VERSION_FILES = """
query VersionFiles($entity: String!, $project: String!, $name: String!, $alias: String!,
                   $after: String, $first: Int) {
  project(name: $project, entityName: $entity) {
    artifactCollection(name: $name) {
      artifactMembership(aliasName: $alias) {
        files(after: $after, first: $first) {
          edges { node { name: displayName directUrl } }
          pageInfo { endCursor hasNextPage }
        }
      }
    }
  }
}
"""

CREATE_ARTIFACT = """
mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state } }
}
"""

CREATE_MANIFEST = """
mutation CreateArtifactManifest($artifact: ID!, $entity: String!, $project: String!, $run: String!,
                                $name: String!, $digest: String!, $upload: Boolean!) {
  createArtifactManifest(input: {artifactID: $artifact, name: $name, digest: $digest, type: FULL,
                                 entityName: $entity, projectName: $project, runName: $run}) {
    artifactManifest {
      id
      file { id uploadUrl @include(if: $upload) uploadHeaders @include(if: $upload) }
    }
  }
}
"""

CREATE_VERSION_FILES = """
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) {
    files { edges { node { uploadUrl uploadHeaders artifact { id } } } }
  }
}
"""

COMMIT = """
mutation CommitArtifact($artifact: ID!) {
  commitArtifact(input: {artifactID: $artifact}) { artifact { id } }
}
"""

ADD_ALIASES = """
mutation AddAliases($input: AddAliasesInput!) {
  addAliases(input: $input) { success }
}
"""

UPDATE_ARTIFACT = """
mutation UpdateArtifact($input: UpdateArtifactInput!) {
  updateArtifact(input: $input) { artifact { id } }
}
"""
