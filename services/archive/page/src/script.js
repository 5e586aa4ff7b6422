"use strict";
(function () {
  var root = document.documentElement, mark = document.getElementById("mark");
  function settle() { root.className = mark.naturalWidth > 0 ? "here" : "alone"; }
  if (mark.complete) settle();
  mark.addEventListener("load", settle);
  mark.addEventListener("error", settle);
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    folded.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (details) { details.open = false; });
  });
})();
