/** The style sheets of our own pages: adopted, as their policy allows no file of our origin to be loaded as one. */
export function adopt(text: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

export const styles = `
* { box-sizing: border-box; margin: 0; }
html, body { height: 100%; }
body { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #e8edf4; background: #10161f; }
button { font: inherit; font-weight: 550; border: 0; border-radius: 8px; padding: 7px 14px; cursor: pointer;
  color: #fff; background: #2a66c8; }
button:hover { background: #3578e0; }
button:focus-visible, input:focus-visible { outline: 3px solid #6fb1ff; outline-offset: 1px; }
button:disabled { opacity: .45; cursor: default; }
.app { height: 100vh; height: 100dvh; display: flex; flex-direction: column; }
header { display: flex; align-items: center; gap: 16px; padding: 8px 14px; background: #18212e;
  border-bottom: 1px solid #263346; }
.page-info { flex: 1; min-width: 0; display: flex; flex-direction: column; }
.page-info > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.address { color: #93a3b8; font-size: 12px; }
.health { position: relative; display: flex; min-width: 0; align-items: center; gap: 8px; font-size: 13px; color: #b8c5d6; white-space: nowrap; }
.lamp { width: 9px; height: 9px; border-radius: 50%; background: #f2b53c; }
.lamp.live { background: #3ecf7a; }
.lamp.denied, .lamp.failed, .lamp.ended { background: #e5534b; }
button.path { padding: 1px 8px; border-radius: 999px; background: #263346; font-size: 12px; font-weight: 400; }
.panel { position: absolute; right: 0; top: calc(100% + 10px); z-index: 2; min-width: 320px; padding: 12px 16px;
  background: #18212e; border: 1px solid #33445c; border-radius: 12px; box-shadow: 0 12px 40px rgba(0, 0, 0, .5); }
.panel div { display: flex; justify-content: space-between; gap: 20px; padding: 3px 0; }
.panel dt { color: #93a3b8; }
.panel dd { font-variant-numeric: tabular-nums; }
.lag { font-variant-numeric: tabular-nums; min-width: 88px; }
.note { color: #f2b53c; overflow: hidden; text-overflow: ellipsis; }
.toggle { background: #263346; }
.toggle[aria-pressed="true"] { background: #2a66c8; }
main { flex: 1; min-height: 0; display: flex; }
.screen { position: relative; flex: 1; min-width: 0; min-height: 0; padding: 14px; }
.stage { width: 100%; height: 100%; display: grid; place-items: center; overflow: hidden; }
.page-frame { position: relative; overflow: hidden; background: #fff; border-radius: 6px;
  box-shadow: 0 8px 40px rgba(0, 0, 0, .5); }
.page-frame:has(.page:empty) { visibility: hidden; }
.page { transform-origin: 0 0; position: absolute; left: 0; top: 0; }
.layer { position: absolute; inset: 0; overflow: hidden; }
.replayer-wrapper { position: relative; }
.replayer-wrapper > iframe { border: 0; display: block; background: #fff; }
.replayer-mouse, .replayer-mouse-tail { display: none; }
.screen:not(.live) .page-frame { filter: grayscale(.7) opacity(.45); }
.visitor-pointer { position: absolute; left: 0; top: 0; width: 20px; height: 24px; background: #2a66c8;
  clip-path: polygon(0 0, 100% 62%, 56% 66%, 30% 100%); pointer-events: none; }
.ripple { position: absolute; left: 0; top: 0; pointer-events: none; }
.ripple::before { content: ""; position: absolute; width: 40px; height: 40px; margin: -20px; border-radius: 50%;
  border: 3px solid #2a66c8; animation: ripple .6s ease-out forwards; }
@keyframes ripple { from { transform: scale(.2); opacity: 1; } to { transform: scale(1); opacity: 0; } }
.notice { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; gap: 14px;
  font-size: 16px; pointer-events: none; text-align: center; padding: 24px; }
.notice p { padding: 12px 18px; border-radius: 12px; background: rgba(16, 22, 31, .88); max-width: 60ch; }
.spinner { flex: none; width: 20px; height: 20px; border-radius: 50%; border: 3px solid #39506f; border-top-color: #6fb1ff;
  animation: spin 1s linear infinite; }
@keyframes spin { to { transform: rotate(1turn); } }
.left-out { position: absolute; left: 14px; right: 14px; bottom: 0; font-size: 10px; line-height: 14px; color: #7f8fa5;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chat { width: 300px; display: flex; flex-direction: column; background: #18212e; border-left: 1px solid #263346; }
.chat ol { flex: 1; min-height: 0; overflow: auto; list-style: none; padding: 14px; display: flex; flex-direction: column; gap: 8px; }
.chat li { align-self: flex-start; max-width: 85%; background: #263346; border-radius: 12px; padding: 6px 10px;
  overflow-wrap: anywhere; white-space: pre-wrap; }
.chat li.mine { align-self: flex-end; background: #234a86; }
.chat li.pending { opacity: .6; }
.chat li.empty { background: none; color: #7f8fa5; padding: 0; }
.chat .name { display: block; color: #9fb2cb; font-size: 11px; }
.chat .writing { min-height: 22px; padding: 0 14px; color: #93a3b8; font-size: 12px; }
.chat form { display: flex; gap: 6px; padding: 10px; border-top: 1px solid #263346; }
input { flex: 1; min-width: 0; font: inherit; color: inherit; background: #0f1620; border: 1px solid #33445c;
  border-radius: 8px; padding: 7px 10px; }
.join { min-height: 100%; display: grid; grid-template-columns: minmax(0, 1fr); place-items: center; padding: 24px; }
.join form { width: min(380px, 100%); background: #18212e; border: 1px solid #263346; border-radius: 16px; padding: 28px;
  display: flex; flex-direction: column; gap: 14px; }
.join h1 { font-size: 20px; }
.join input { font: 600 26px/1.3 ui-monospace, SFMono-Regular, Menlo, monospace; text-align: center; letter-spacing: .15em;
  text-transform: uppercase; }
.join p { color: #b8c5d6; }
.join .error { color: #ff8d86; }
@media (max-width: 700px) {
  header { gap: 10px; padding: 8px 10px; }
  .lag { display: none; }
  .panel { position: fixed; left: 10px; right: 10px; top: 58px; min-width: 0; }
  .screen { padding: 8px; }
  main { flex-direction: column; }
  .chat { width: auto; height: 35%; border-left: 0; border-top: 1px solid #263346; }
}
@media (prefers-reduced-motion: reduce) { .spinner, .ripple::before { animation-duration: 3s; } }
`;
