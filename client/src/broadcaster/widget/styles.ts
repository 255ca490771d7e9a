/** The widget's style sheet, adopted by its shadow root: a host page's policy on inline styles does not touch it. */
export const styles = `
:host { color-scheme: light; }
* { box-sizing: border-box; margin: 0; }
.root, .pointers { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #16202c; }
.root > * { position: fixed; }
.bar { left: 50%; bottom: 16px; transform: translateX(-50%); display: flex; align-items: center; gap: 6px;
  max-width: calc(100vw - 24px); padding: 6px 6px 6px 14px; border-radius: 999px; background: #14202e; color: #fff;
  box-shadow: 0 6px 24px rgba(10, 20, 35, .35); white-space: nowrap; }
.bar .who { overflow: hidden; text-overflow: ellipsis; padding-right: 8px; }
.bar .dot { flex: none; width: 9px; height: 9px; border-radius: 50%; background: #ff5a52; animation: beat 2s infinite; }
.bar.paused .dot { background: #f2b53c; animation: none; }
.bar button { color: #fff; background: rgba(255, 255, 255, .12); }
.bar button:hover { background: rgba(255, 255, 255, .22); }
.bar button.stop { background: #d93a33; }
.bar button.stop:hover { background: #ef4a43; }
.badge { display: inline-block; min-width: 17px; margin-left: 6px; padding: 0 5px; border-radius: 9px;
  background: #ff5a52; color: #fff; font-size: 11px; line-height: 17px; text-align: center; }
button { font: inherit; font-weight: 550; border: 0; border-radius: 999px; padding: 7px 14px; cursor: pointer; }
button:focus-visible, input:focus-visible { outline: 3px solid #6fb1ff; outline-offset: 1px; }
button.primary { background: #1a66d6; color: #fff; }
button.primary:hover { background: #1555b5; }
button.quiet { background: #e9eef5; color: #16202c; }
button.quiet:hover { background: #dbe3ee; }
.card { background: #fff; border-radius: 16px; padding: 20px; box-shadow: 0 12px 48px rgba(10, 20, 35, .3); }
.card h2 { font-size: 17px; margin-bottom: 8px; }
.row { display: flex; justify-content: flex-end; gap: 8px; margin-top: 16px; }
.ask { left: 50%; top: 20px; transform: translateX(-50%); width: min(420px, calc(100vw - 24px)); }
.waiting { right: 20px; bottom: 20px; width: min(280px, calc(100vw - 24px)); }
.waiting .code { margin: 6px 0 4px; font: 600 34px/1.2 ui-monospace, SFMono-Regular, Menlo, monospace; letter-spacing: .08em; }
.small { color: #5b6878; font-size: 12px; }
.chat { right: 20px; bottom: 76px; width: min(320px, calc(100vw - 24px)); padding: 12px; }
.chat ol { list-style: none; padding: 0; max-height: min(320px, 50vh); overflow: auto; display: flex;
  flex-direction: column; gap: 8px; min-height: 60px; }
.chat li { align-self: flex-start; max-width: 85%; background: #eef2f7; border-radius: 12px; padding: 6px 10px;
  overflow-wrap: anywhere; white-space: pre-wrap; }
.chat li.mine { align-self: flex-end; background: #dceafd; }
.chat .name { display: block; color: #5b6878; font-size: 11px; }
.chat .writing { min-height: 18px; padding: 2px 10px 0; }
.chat form { display: flex; gap: 6px; margin-top: 4px; }
.chat input { flex: 1; min-width: 0; font: inherit; padding: 7px 12px; border: 1px solid #c5cfdb; border-radius: 999px; }
.looking { left: 50%; top: 4vh; transform: translateX(-50%); width: min(1100px, calc(100vw - 24px));
  height: calc(92vh - 72px); padding: 12px; display: flex; flex-direction: column; gap: 8px; }
.looking iframe { flex: 1; width: 100%; border: 0; border-radius: 8px; background: #10161f; }
.people { right: 20px; bottom: 76px; width: min(340px, calc(100vw - 24px)); max-height: 60vh; overflow: auto; }
.people ul { list-style: none; padding: 0; display: flex; flex-direction: column; gap: 14px; }
.person { display: flex; align-items: baseline; gap: 8px; }
.person b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.person button { margin-left: auto; padding: 4px 12px; }
.people .rights { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 6px; }
.people .right { padding: 2px 9px; border-radius: 999px; background: #eef2f7; color: #16202c; font-size: 12px; font-weight: 400; }
.people button.right:hover { background: #f9dcda; }
.people .right span { margin-left: 5px; color: #b3261e; }
.pointers { position: fixed; inset: 0; width: 100vw; height: 100vh; pointer-events: none; overflow: hidden; }
.pointer { position: absolute; left: 0; top: 0; width: 0; height: 0; transition: transform 60ms linear; }
.pointer::before { content: ""; position: absolute; width: 18px; height: 22px; background: #e6007a;
  clip-path: polygon(0 0, 100% 62%, 56% 66%, 30% 100%); filter: drop-shadow(0 1px 2px rgba(0, 0, 0, .4)); }
.pointer span { position: absolute; left: 16px; top: 20px; padding: 2px 8px; border-radius: 8px; background: #e6007a;
  color: #fff; font-size: 12px; white-space: nowrap; }
@media (max-width: 720px) {
  .bar { flex-wrap: wrap; justify-content: center; width: max-content; border-radius: 22px; padding: 8px; gap: 4px; }
  .bar .who { max-width: calc(100% - 20px); }
  .bar button { padding: 6px 10px; font-size: 12.5px; }
  .chat, .people { bottom: 104px; }
  .looking { top: 2vh; height: calc(96vh - 104px); }
}
@keyframes beat { 50% { opacity: .35; } }
@media (prefers-reduced-motion: reduce) { .bar .dot { animation: none; } .pointer { transition: none; } }
`;
