// The API page. A stream without an end cannot be tried here: the answer would never be shown.
function withoutEndlessTries() {
  const isEndless = (state, path, method) =>
    state.getIn(["json", "paths", path, method, "x-endless"], false);
  const allowTryItOutFor = () => (state, path, method) => !isEndless(state, path, method);
  return { statePlugins: { spec: { wrapSelectors: { allowTryItOutFor } } } };
}

/** Swagger UI does not show bodies as they are on the wire yet: they become descriptions. */
function describeBodies(response) {
  if (!response.url.endsWith("/openapi.json")) return response;
  const openapi = JSON.parse(response.text);
  const operations = Object.values(openapi.paths).flatMap(Object.values);
  const answers = operations.flatMap((operation) => Object.values(operation.responses));
  for (const answer of answers) {
    for (const [mediaType, media] of Object.entries(answer.content ?? {})) {
      answer.description += takeBodies(mediaType, media);
    }
  }
  return { ...response, text: JSON.stringify(openapi) };
}

function takeBodies(mediaType, media) {
  const examples = Object.entries(media.examples ?? {});
  const bodies = examples.filter(([, example]) => "serializedValue" in example);
  if (bodies.length) delete media.examples;
  const write = ([name, body]) =>
    `\n\n\`${mediaType}\`, ${name}:\n\n\`\`\`\n${body.serializedValue}\n\`\`\``;
  return bodies.map(write).join("");
}

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  plugins: [withoutEndlessTries],
  responseInterceptor: describeBodies,
});
