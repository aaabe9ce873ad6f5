. /scenario/steps.sh
export PYTHONDONTWRITEBYTECODE=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INDEX=1 SOURCE_DATE_EPOCH=1700000000
cd /srv
python3 - <<'P'
import base64, hashlib, zipfile
files = {"thing/__init__.py": "def main():\n    print('a thing')\n",
         "thing-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1\n",
         "thing-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: n\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
         "thing-1.dist-info/entry_points.txt": "[console_scripts]\nthing = thing:main\n"}
record = "".join(f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b'=').decode()},{len(t)}\n"
                 for n, t in files.items()) + "thing-1.dist-info/RECORD,,\n"
with zipfile.ZipFile("thing-1-py3-none-any.whl", "w") as wheel:
    for name, text in {**files, "thing-1.dist-info/RECORD": record}.items():
        wheel.writestr(zipfile.ZipInfo(name, (2023, 11, 14, 0, 0, 0)), text)
P
pip install -q --break-system-packages --root-user-action=ignore /srv/thing-1-py3-none-any.whl; note thing
python3 -m venv --system-site-packages /srv/venv; /srv/venv/bin/pip install -q --force-reinstall /srv/thing-1-py3-none-any.whl; note /srv/venv/bin/thing
note /srv/venv/bin/python3 -c 'import sys; print(sys.executable, sys.prefix)'
useradd -m ann; chage -d 19000 ann; su - ann -c 'PIP_NO_COMPILE=1 PIP_NO_INDEX=1 pip install -q --user --break-system-packages --force-reinstall /srv/thing-1-py3-none-any.whl'
note su - ann -c '~/.local/bin/thing'; note su ann -c 'pip uninstall -y --break-system-packages thing'; note pip list
list /home/ann /usr/local/bin /srv/venv/bin
