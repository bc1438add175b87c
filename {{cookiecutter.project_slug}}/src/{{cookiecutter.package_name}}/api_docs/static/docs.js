// The API page. A stream without an end cannot be tried here: the answer would never be shown.
function withoutEndlessTries() {
  const isEndless = (state, path, method) =>
    state.getIn(["json", "paths", path, method, "x-endless"], false);
  const allowTryItOutFor = () => (state, path, method) => !isEndless(state, path, method);
  return { statePlugins: { spec: { wrapSelectors: { allowTryItOutFor } } } };
}

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  plugins: [withoutEndlessTries],
});
