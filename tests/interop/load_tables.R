# Loads the typed table of an unpacked archive with R's read.csv: Rscript load_tables.R FOLDER.
folder <- commandArgs(trailingOnly = TRUE)[1]
table <- read.csv(file.path(folder, "crm", "typed-0001.csv"), encoding = "UTF-8", na.strings = "",
                  colClasses = c(id = "integer", big = "character", total = "numeric", note = "character",
                                 born = "Date", seen = "character", status = "character"))
stopifnot(nrow(table) == 5,
          identical(table$id, 1:5),
          identical(table$big, c("9007199254740993", "9223372036854775807", "-1", NA, "0")),
          identical(table$total, c(0.1, 1000000, NA, -2.5, 3)),
          identical(table$note[1], "a \"quoted\", one"),
          gsub("\r", "", table$note[2]) == "two\nlines",
          nchar(table$note[5]) == nchar("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u2014 Zo\u00eb \u65e5\u672c \U1F600"),
          identical(format(table$born[c(1, 2, 4)]), c("1990-01-02", "2000-02-29", "1970-01-01")),
          is.na(table$born[3]),
          identical(table$status, c("A", "B", NA, "A", "B")))
cat("R: every value is back\n")
