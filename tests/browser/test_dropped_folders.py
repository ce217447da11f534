"""In a browser: a dropped file has its folder, and one without a path arrives all the same."""

from playwright.sync_api import Page

from dashboard.compat.dropped_folders import SCRIPT

RUN = SCRIPT.replace("export default function", "return function")


def install(page: Page) -> None:
    page.goto("about:blank")
    page.evaluate("script => { window.keepFolders = new Function(script)() }", RUN)


def test_a_dropped_file_has_the_folder_that_the_drop_zone_noted(page: Page) -> None:
    install(page)
    paths = page.evaluate("""() => {
      keepFolders(); keepFolders()
      return ["./pets/cat/1.png", "/pets/2.png", "3.png", undefined].map(path => {
        const file = new File([], "x.png")
        if (path !== undefined) file.relativePath = path
        return file.webkitRelativePath
      })
    }""")
    assert paths == ["pets/cat/1.png", "pets/2.png", "", ""]


def test_a_browser_without_that_property_is_left_as_it_is(page: Page) -> None:
    install(page)
    left = page.evaluate("""() => {
      delete File.prototype.webkitRelativePath
      keepFolders()
      return "webkitRelativePath" in File.prototype
    }""")
    assert left is False
