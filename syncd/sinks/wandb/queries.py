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
                      $program: String, $jobType: String, $config: JSONString, $state: String,
                      $tags: [String!]) {
  upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity,
                       groupName: $groupName, displayName: $displayName, notes: $notes,
                       host: $host, jobProgram: $program, jobType: $jobType, config: $config,
                       state: $state, tags: $tags}) {
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
