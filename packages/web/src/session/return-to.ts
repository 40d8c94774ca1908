/** Where to go after signing in: a path of ours only. */
export function returnTo(): string {
  const wanted = new URLSearchParams(window.location.search).get("returnTo") ?? "/home";
  return /^\/(?![/\\])/.test(wanted) ? wanted : "/home";
}

/** The client sends people without an account to such an address. */
export function wantsSignUp(): boolean {
  return /[?&]signup=true\b/.test(returnTo());
}
