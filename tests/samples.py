"""The only place for files that no library of the tests can write: made once, by the commands beside them.

They hold pictures that `tests.pictures` can draw again.
"""

import base64

ARITHMETIC_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0"
    "Hyc5PTgyPC4zNDL/2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIy"
    "MjL/yQARCABIAGADASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwDSkl6fwrVxnHyvQAKTEYYGvw4u4NAgjMuDruyxxdgW"
    "6UmriMqEpmUU+iKS2+tyENb0gEWcF40nbRa0zG9CytRl5pq10zCRdRCnX0GLJn6tl2sL4Jfx+dA3fCmLEW/e5qgiNlRiu2HwOvpRP0lB"
    "M1CutSh1XVNQYsPHlTY3HmO5kQICXHQYxkw2cig9pDDw7Z6inTC27ehdbH6zcqyJxCp1WEvRT9PLwCuCPxC9YwVFP51zvYt1kAkBSjnT"
    "KRYYflA9KuTeVu4ACqdSakB7eg16T1hYf+RnR2wDN+DWWac2hv2Hg7Ty16An01UDQHtoI7dZCW2dSZGc1RVxH5HMcgsCGw9Uz0ir8JfP"
    "vCvcWxcqm8aYbv6g/Qp/MSn6FBMoZCcQUVzhqBV3zWa0ewv1ra0SYcupy9uMFfc2Fgvm1619vZLA4bgaGx0yIcAdxOES9uyz/hz77/8A"
    "9HY/07cKMKJ75TmoHFp+EqdGQTBn9nTeKnchtz9KIF4bPNjo0XVWbgisW7Fq396ch4DKWWGUnkUL2XXjgw+1/wCW4VLfOuH5Vtb+Y7V3"
    "JxzBdamug05BMqcGBeWuyU/oGjwoxYbfzmJrBdUp0I0Ha2JDOW8oT5rGp5G5wcWXvEikOpMDvjSORZT0e2Cs/g7GlHF7F6JsLPsMoNdC"
    "NStX29WjVwr+VPqCLcC0Ot960Mr9II0pdHHx6A9Te++kI94jATpSl/8ARMquanaxTuPiDzMcdjogxtUBhZ7h1J3nZgL9Ut1khu7WSw0K"
    "lQU633GGGiC5XDLIjsGukFNeUUjOrd/y+Itqciq5A+LTV5ZQLo3IpdodtkOYIAm4bC8Lz59t2Qtu+k10n5e5Wxme5/UudxAX1RDMmgKZ"
    "KPv8oVJ0muqGTG0NzNHcw6Gg4QLnjEcWLs1Ul0ZTIrphgg1N/wBtDr2h6T4WNAblWDltAuMKxiSiV8gkEHCVblSB0p/ot4VkK91JJB9p"
    "t/g0zRVDvwt0scv8WFKD51j9XISaGdDopliUJych7RHZNz9WWZM9FAnDj4LN7bmttIX0eSZ5MfTSRrah9N8a6PJ5btgemt1kXMA+daRh"
    "oKgG5Km7j02iszZCwPsFAtOViiFPJp9ZXdIRFyd8xhtRFNvZ4nyOnki28KueK8cLrz9zYs5rNqmysAJ0jDG+cQ2nZWKZ10wmS6d+32/p"
    "Irec4K+ze3VO1VRK5vzpvYSH2JJE0nzAp8g/s4qtaBQRfvzucBXeV5EbRFFyDoWrwhGlAF/KzMj9L6Dpk4b2uw/R6blwSH0Qjpc7lS0t"
    "sWg8EwkfZKDZeK/+vSZ+iYkMYkJ/t1DnaTibr8bSJm6Zm6ir2ON98Jgj4c0lIX8D/SuuzHb5uH0obympEon2xPTn3bTuv1jnkZzFQJod"
    "26XH/K7LPY564j/bdmIbkGmKE3hiXRNb7q6CiSKye659hSRQftLeZlR9ntppslkeCNvZ1zSaLelXFpkyvAwaf5K16Yji7Trz/JOekLXw"
    "3OAj0w7xqk/t5vFpkPSqse3lf3mgF4UThgA7ULrxbcZYTPS3fOwLIFa6zkmespAkM4ZqThymuJIdXWKnR4uufaikCQgYuEl1oECUsX0U"
    "UJ6aTc9At4Rik79YLD/Z+1KGac5skCHLsrggce0uNiNEZUak910fcwG8Qn8tGRhJt5stMgia3aZS3bjJ3pO4QGye3k70dEGpslS9F+IY"
    "hoIYngHMiyBTo68zmoC708r7YQntW2m2Z3E1apPnQnRrvxwbmUg/sETTayFV9DeN4ak/6pnfTDlrp6ABQIdbHo9RRCK3zgwzP1IOk6j+"
    "lLCxjKnbTADZWPgNnPF2sIMNi6NeuANfFfOoVoVDR9JN3br7uRQBiGrcdhRc3Zp5UpF/Iq8QQ2F4wBckqafWwSRXlbyjdqmsl92AJw9Z"
    "jy7awcaMeLZLGefk4h5u2l8SDHtohht+9whL0bBvbFBJRiLspdfFsLH6QdD/2Q=="
)
"""`cjpeg -arithmetic` of libjpeg-turbo 2.1.5, of picture(8, (96, 72)) as PPM."""

TURNED_JXL = base64.b64decode(
    "/wrLLJBQXBIKAQAA0AEAOABYAFhKKKNs2zUpDSx6QIfoED5pDpHo43n1rE+2XCQArNdEYW0F9QkHcrTiZOCRkPEgcXUDokTEJyF0aRA+"
    "0/YV2JpafJrDuuI5UIVBJFapWaHEtksUwzLey47U9CIpBgCoDChtRRVMUxk37JkAfAjACODDBKIBAGwFeWcNAIAKlVHGDV7O9Xz5ocNi"
    "2sZ1hrbatrAEUkhE4Yk3oh4zDYvm+cO7uLy2WryaxeJ6tezrVFOnOdOpSiFAgEKEooIuAOToHFrehZcJBqheAEhq3ba9bJmZh8vjW6Ca"
    "ggVOAFyJFfMSKPUAPhzBkl73CERtlu5Hqd9L7myov72QEQoGywP9yYwQUUAwo80ZDMnTAl8auEyT5NIhzzlUgzAAOiAMpWVIWkiE8irM"
    "J5vEMBsTWxxKktTZfmbkly0BTPEeXj9UsfjJNctNQDhQ/v7rqpkEY6QrZ5FdmEhrfv8J1eB8xKw2BC+7s3BaSzsd0vCDLDVQar6MPICZ"
    "OUdIXAqyZGGlEdt1ZbjHByT/0GNgAS+KChKFsxXN4/MaL9lvNBTWi5Wt7zoRIi9/GsUCwXgAI+qcSKQYh8tlPnt9N469Q6OFo4kdV5o6"
    "spE4kV4KjYuFyWNuk12LNgw="
)
"""`cjxl -j 0 -q 40 -e 9` of libjxl 0.7.0, of picture(6, (64, 48)) as a JPEG of orientation 6.

The codestream alone.
"""

ANIMATED_JXL = base64.b64decode(
    "/wrLBANIKC4JCgEAAMwBADgAWABYSiiiuqVHlw586AFmYRbNmkO0wDEGK8cwhrRECEOud9Ln/gQgtCMMS6nAVMsPjOkwODs4wxDnbP70"
    "8zv6Nx/kmtsMvJfyEypUbhxShecVF6lMdabI+1UHBCS4ksU8GptbcvxrW/JsXXbAfYDvAODDBBA0ACgEeV8QAIAKlVHGDV7O9Xz5ocNi"
    "2sZ1hrbatrAEkkiC1YWhvHEKVplv3f3mrDldVd17CRQgAAARVaiCBW4AWukqXV6gpaRBmooQYAdil5yw5M7gMUMItJIVOGayAB9xNuzx"
    "N3ZBLGsE3wm/l3A7iHEeNC28r6SrdQz0E5BuTx1mH/U4QRZGbPku0IgIuHARUskiCGdUaVFeOoGQUVKJQ/VDOvJi8ieWl5m0ylRl70YL"
    "l2OvRSzaq8XQUfVGy6coupSc6u+1NRpm+1ZCBZEQxUGqYupEP0qSy4f7gfz7w2usONh2k4IqIR2MINQrOsUvIR0cERC6/yEOEZE5ZXHe"
    "WpMP65nNajVBYjMIcgAKAQAA3AEAOABYAFhKKKK6pUeXDnzoAWZhFs2aQwQcY7BqDGOIGSIMwZN4/1EAYEGcfxEEaUiEwFFgaqffwjN+"
    "JpnD4Nd8jxreH1N5OwsInfCgBdiw5ECzcEP1AQgoB8pyi4IFJp2fgVw10rOvTH/YiVDOHEEXZtvdLyAbnuDDBBA0AMgEYSEAAFSojDJu"
    "8HKu58sPHRbTNq4ztNW2hSVwnJLCg30wh8BM5Mzz897P3efcvfd9HWBgxqCqqApQgAopwQWAhCJysonXSUrdjgAkT5um+eDo7JtCXsEC"
    "JwAtdaUuoQIEAOyWW/+hyywFFVLrfq0f0tat3gJ/rTVK9HFRxkQUR5BIflIQvrSBWe/as67VD+XlWGS0jNYE8tTHdEBx4kDQp4DY05US"
    "kM2m3rOGPI7mJmYizF85JG5NTh6LH1dNXgQG6+th2sA2QGD9MyAckHyZ4ENp2Vm/VHM8nsIuZHGlk2eUEI0lQAtSKNyvmFSGxr0ba1RQ"
    "4RA/JOkVlMHvHnEnCr8GddQy9V4yk0Qwg0TWJYApkh/R3iiCA1FsARLl4gdJwrVUJGNUZBZAReSKeDDjoX0BCgEAAMwBADgAWABYSiii"
    "uqVHlw586AFmYRbNmkO0wDEGq8Ywhh5OCPxXEgABIuiFBL4X46hRasImm+BHv8nXA06ankuHxE385GW0muolPyAFE2/rYgCJyAMHd7Oi"
    "6kAUsWSyxRewlRSU5YRb3sCNWWhUt9sN4JHYBuDDBIgGAOgEMV8QAIAKlVHGDV7O9Xz5ocNi2sZ1hrbatrAEUkhE4Um0HDGKat5H8/3X"
    "dd0fLBateq7V4vnZOQdmmBlHqKpKIQCoqqIqFSxwA9BK7PHinEwRAEBOYzfQfKTHK/aBoiJ40Lzi2M9IcHHd+tXKTuUndtfAQdrLTjuv"
    "CCMOgADpURAt8ICv9Hl49t5yD7OB4lSVSoWAs80k4UCkWswh/QDp4R+snu/ANiI2yRyXXwphqOn1hEDIhBhrK5oJICq3lGJBqFdBCAkq"
    "eE5M90HB+8VHoH33dx8I4CePI0lB85o/grwoRhUfuwB7jISpkdKcDPO0pUS1hX/bfSAAQi8jfNP8yzm3Wm68BvExmC3c2x/pixKGkZTg"
    "HHAbJdo3ZZJsVAclCjWGnzMg/9EHDq8e885jgxskntuh7ssU+Rg="
)
"""`cjxl -d 6 -e 9` of libjxl 0.7.0, of animation((1, 2, 3), "PNG", (64, 48)), whose frames last no time."""

PATCHED_JXL = base64.b64decode(
    "/wrLBAMIKC4JCIJJJgAAEAZLKKLclmM1Dr4pKCgoCQqIkGg5Ok6MweuzKtsZ40x6v0AQAAC9ggIDcjwKA/+BSgA9LgEMFB5gepe2UN9e"
    "KOeDR0miPVF541TvhI4+blCrO+PZ225MVeyIyrx76u/VC636zJP4cOja9ma2UeE3Suw19URhPA3zaacyA+4kvudw6nemTTiomGgiUK1X"
    "IZoWkwGvI05TSD7GQ2cdTHmyn8PTMz5ayuhiIkffV4hRy3mfO57ER5CHtaOUwFZeRWGnQ4JZ5yWMhGxK91725mjEGO4SO1DUjxTi0Q+P"
    "00MiSwnLR/Bye3sGsmhynVDKQ0AIwpk1UCdiA1V4CwyXwH10HAxk89lgZ9SnMwTfvwKJ48a0NT1T9tlsMZ2vfHaApneDeASI6dkeXX46"
    "+yoFo8ysIwCLPYEqB3KW/87x0Ulg3QMPVi4YFl/Rv3iXByN2V00GZFh68kfiVRtQiXXA6kfk3gHsvfxH+JwLA/sW/MxpiGh0P62nKTlY"
    "5cJi7aVx9lYkKOxj3FAACCIQQIABhkkmAAAQAksoJMaVCgomQEFLRMfYAiHPdkvGGDzmBYIAOOT+3jMYgSrPVRG38BTgFO26VfDE84Ky"
    "3JC0wJUrjfmV1jRY9aG77if+anjg48faogZfGnqSg1DvmWvtJ2rvBRIOpH/y9CJ9FxEZETxJ9eRIw2CkY4xOkOwdHvW6vOOMnl5GXeYB"
    "dIJHBQgiSKCAAYZJFgAsAksoNCa+RkHBBESoATfeiYeT63OMwbgLBAEAYK0BIDhq7AAiIAwQ42ROhUFFYoyz/ZnQYeNI91BY7J2eXr1E"
    "aylGUQ0SeimvfuZ9VfYnu2vY2cCqcShS5UBzlBzwfoJMl/K5Q/nCjvNaIZn+UXNs/NIBs+z/meHLua4w/iqYbBHv7XG/Z/2lcYfCUAA="
)
"""`cjxl -d 0 -e 7` of libjxl 0.7.0, of an animated PNG of three frames, each a patch on the one before.

They are `quantize(4, dither=0)` of picture(1, (64, 48)), of picture(4, (24, 24)) at (8, 8), and of picture(5,
(24, 24)) at (36, 20).
"""

PROFILED_JXL = base64.b64decode(
    "/wrLQApvDQMS5gGQnJWGhbHrtrwvSsyHMYdBQ2xjIwbcZJ56DHs+OUgwoMgQ7mzj1nZnkzi6toYcHR1dWsMBZB1tnRHgJ55Tc8ZN7nCD"
    "BWDA/4WlFT+zONR14iqXnZU8FAYoWpvKSk8z1eXbvL9kfYweyGUd3wGOvsLmyqaeotLDBlg7Ww7QVLa0lDWH7Fk/qzadxjpUgKe8/fs3"
    "n/Kq3gTqB+nfv32h/v3rJ4I9LgR8WfsGgsHVYQ8CQ/rAeQTI1hAUu0C3DnCxLPvbPACQvBOcmsGdoHDk5iiqbMubHaBRV5ByB5maUCYN"
    "jNF8ucgBCgEAALgBADgAWABYSiiiuqVHlw586AFmYRbNmmsGXRSD+Y5hDGOYxYmvk/UHLmrptv51aAiiMMtjzCcktHwTbWdTJmtepUuJ"
    "LAjVI27vrEJ0dnR0DglUyWi2L+Eom8KKQu6BVcaQbDWMDq4Dw8saPdOzDwbgwwSiAQBsBOliDgCACpVRxg1ezvV8+aHDYtrGdYa22raw"
    "BI7XoOhiGzkjCe8AgKK5/r3rcKy93n2vde7tewYGMwOAQikqRVJAoLgAkEJlxjajJwPa83aJYIELgFZiyUQgQQBgoZInR508mFXOGWcX"
    "Ll8qbLnB2DQ1bwZnilyC3/t8u5aSX1DnqCe7k6LqYEmgGTTILpWfsRsg75E1RDPeX4KRR5NC0/dNN+KqCOwTBCOH+C1CiQ7RDkycVUE6"
    "95m7dOoZ9ougfIh0KYOYO0af43tVIDNGVg7QIDdpLm7thQX9ix7hHim8DhW6pghBC31LYZ/QDyJ0halmdnd8VqCclf/M8ed4+LF+vrYF"
    "YkKBF5jg41AJnT6mNDwe5MteDF0I7AA="
)
"""`cjxl -d 6 -e 9` of libjxl 0.7.0, of picture(6, (64, 48)) as PNG with a colour profile.

The codestream alone. The profile is Pillow's of sRGB with a 1.5 in place of the 2.4 in its curve.
"""

DEEP_JXL = base64.b64decode(
    "/wrL8KMpLgQKBAAAOAEAOABYAFhKKDKFa/B0wIcuMNsVzfaEwCyaNV8zsCYGMxUdw+gYxjAnrtwDAC+TvtsQoOaemqYCKlyQBUuJXiY1"
    "V+LoyruFXJh6B8SgEk/gwwSIBgCsBIFeEACACpVRxg1ezvV8+aHDYtrGdYa22rawhCJj18YoICOlSYWCQGQBq6zgDHkH75SsymOwlKaE"
    "MUZFxzAqMjbGqIh28f/beSCInUAC3l0BAJiWAgAAVzQAAECSApDN4vBWwJMwovz1W6+5PzJ8s5pp1PDFH9CoyOtkqKLiAIcwvwCQMBYb"
    "hGCBE4xWVXWZ0lG4q9qfJxiEZxWNguEkgeFHOKjPt4lhlx5BCOTRFMfQgCReF8aSSfiI9JmgwfHMkJL6W3AkhMZpByQEGpcdHB/2Nwce"
    "D97aPZ8jrREQcwv71WZUQHUe/j4adtlPsb2Ui5tRXPaUmXqHStNrmZl5mN1qQT9vzT+fTFF+5NKy9sebyHYEQyVa/nialHRaVRDDX0FO"
    "yUGsJDbIY+wq"
)
"""`cjxl -d 6 -e 9` of libjxl 0.7.0, of the greys of picture(6, (64, 48)) as PNG of 16 bits.

The codestream alone. Its alpha channel is 20000 of 65535 from column 40 on.
"""
