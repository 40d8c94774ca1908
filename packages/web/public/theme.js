// Before the first paint: the page must not show the other theme for a moment. The rules are theme.ts's.
(() => {
  const wanted = new URLSearchParams(location.search).get("theme") ?? localStorage.getItem("steelyard.theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme =
    wanted === "light" || wanted === "dark" ? wanted : dark ? "dark" : "light";
})();
